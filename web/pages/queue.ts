/** What waits, searched and page by page, with what can be done to it. */
import type { MessageSummary } from "../../src/admin/schemas.ts";
import { loading, type Around, type PageMaker } from "../around.ts";
import type { Act } from "../asking.ts";
import { doTo } from "../doing.ts";
import { h, type Child } from "../dom.ts";
import { durationText, sizeText } from "../format.ts";
import { messageTable, type Selection } from "../message-table.ts";
import { button, choice, field, link } from "../parts.ts";
import { filterOf, type Filter } from "../route.ts";
import { createSelection } from "../selection.ts";

const pageLength = 50;
const ages = [15 * 60_000, 3_600_000, 4 * 3_600_000, 24 * 3_600_000, 7 * 24 * 3_600_000];
const acts: readonly Act[] = ["retry", "release", "redirect", "hold", "bounce", "drop"];

export const queuePage: PageMaker<"queue"> = (around, { filter, after }) => {
  const { api, words } = around;
  const region = h("div", { id: "messages" });
  const selection: Selection = createSelection(around);
  const again = loading(
    around,
    region,
    (signal) => api.messages(filter, { after, limit: pageLength }, signal),
    ({ messages, next }): Child => {
      selection.shown(messages);
      return [
        messages.length === 0
          ? h("p", {}, words.queuePage.empty)
          : messageTable(around, { label: words.queue, messages, selection, columns: queueColumns(around) }),
        h(
          "nav",
          { class: "paging", "aria-label": words.queuePage.nextPage },
          after === undefined
            ? undefined
            : link({ kind: "queue", filter }, { id: "first-page" }, words.queuePage.firstPage),
          next === undefined
            ? undefined
            : link({ kind: "queue", filter, after: next }, { id: "next-page" }, words.queuePage.nextPage),
        ),
      ];
    },
  );
  around.onChange(again, ({ message }) => message !== undefined);
  const buttons = acts.map((act) => {
    const run = (): void =>
      void doTo(around, act, selection.messages(), async () => {
        selection.clear();
        await again();
      });
    return button(`act-${act}`, run, words.actions[act], { class: act === "drop" ? "danger" : "", disabled: true });
  });
  selection.onChange((count) => buttons.forEach((each) => (each.disabled = count === 0)));
  const bar = h("div", { class: "bar", role: "group", "aria-label": words.actions.title }, selection.counter, buttons);
  return { title: words.queue, content: [searchForm(around, filter), bar, region] };
};

function queueColumns({ words, language }: Around) {
  return [{ title: words.fields.size, isShort: true, show: ({ size }: MessageSummary) => sizeText(size, language) }];
}

function searchForm(around: Around, filter: Filter): HTMLElement {
  const { words } = around;
  const { fields, queuePage } = words;
  const any = ["", queuePage.any] as const;
  const ageChoices = [any, ...ages.map((ms) => [String(ms), durationText(ms, around.language)] as const)];
  const form = h(
    "form",
    {
      class: "filter",
      role: "search",
      "aria-label": queuePage.search,
      onsubmit: (event) => {
        event.preventDefault();
        around.go({ kind: "queue", filter: filterOf(valuesOf(form)) });
      },
    },
    field(
      fields.state,
      choice(
        "f-state",
        "state",
        [any, ["queued", words.states.queued], ["held", words.states.held]],
        filter.state ?? "",
      ),
    ),
    field(
      fields.direction,
      choice(
        "f-direction",
        "direction",
        [any, ["inbound", words.directions.inbound], ["outbound", words.directions.outbound]],
        filter.direction ?? "",
      ),
    ),
    text(fields.recipient, "recipient", filter.recipient),
    text(fields.sender, "sender", filter.sender),
    text(fields.subject, "subject", filter.subject),
    text(fields.account, "account", filter.account),
    field(fields.reason, choice("f-reason", "reason", [any, ...Object.entries(words.reasons)], filter.reason ?? "")),
    field(queuePage.older, choice("f-older", "olderThanMs", ageChoices, String(filter.olderThanMs ?? ""))),
    field(queuePage.younger, choice("f-younger", "youngerThanMs", ageChoices, String(filter.youngerThanMs ?? ""))),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "submit", class: "primary", id: "f-submit" }, queuePage.submit),
      link({ kind: "queue", filter: {} }, { class: "button", id: "f-clear" }, queuePage.clear),
    ),
  );
  return h(
    "details",
    { class: "search", open: Object.keys(filter).length > 0 },
    h("summary", {}, queuePage.search),
    form,
  );
}

function text(label: string, name: string, value: string | undefined): HTMLElement {
  return field(
    label,
    h("input", { id: `f-${name}`, name, type: "text", value, autocomplete: "off", spellcheck: "false" }),
  );
}

function valuesOf(form: HTMLFormElement): URLSearchParams {
  const values = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") values.set(name, value);
  return values;
}
