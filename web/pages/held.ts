/** Held mail, worked off in bulk: by reason; released, redirected or dropped by hand; or decided again, looked at before. */
import type { ResolutionResult, Status } from "../../src/admin/schemas.ts";
import { loading, tried, type Around, type PageMaker } from "../around.ts";
import type { Act } from "../asking.ts";
import { countsText, doTo } from "../doing.ts";
import { h, replace, type Child } from "../dom.ts";
import { numberText } from "../format.ts";
import { messageTable } from "../message-table.ts";
import { button, foreign, link, reasonText, section, table } from "../parts.ts";
import { createSelection } from "../selection.ts";

/** As many as one request takes (`bulkAction`) would be too long a page to look at. */
const pageLength = 200;
const acts: readonly Act[] = ["release", "redirect", "retry", "bounce", "drop"];

export const heldPage: PageMaker<"held"> = (around, { reason }) => {
  const { api, words } = around;
  const selection = createSelection(around);
  const reasons = h("div", { id: "reasons" });
  const list = h("div", { id: "messages" });
  const outcome = h("div", { id: "outcome", "aria-live": "polite" });
  const reloadReasons = loading(
    around,
    reasons,
    (signal) => api.status(signal),
    (status) => reasonLinks(around, status, reason),
  );
  const filter = { state: "held" as const, ...(reason === undefined ? {} : { reason }) };
  const reloadList = loading(
    around,
    list,
    (signal) => api.messages(filter, { limit: pageLength }, signal),
    ({ messages, next }): Child => {
      selection.shown(messages);
      if (messages.length === 0) return h("p", { class: "good-news" }, words.heldPage.nothing);
      return [
        messageTable(around, { label: words.held, messages, selection, columns: [] }),
        next === undefined
          ? undefined
          : link({ kind: "queue", filter: { ...filter }, after: next }, { id: "next-page" }, words.queuePage.nextPage),
      ];
    },
  );
  const again = async (): Promise<void> => void (await Promise.all([reloadReasons(), reloadList()]));
  around.onChange(again, ({ message }) => message !== undefined);
  const needing: HTMLButtonElement[] = acts.map((act) => {
    const run = (): void =>
      void doTo(around, act, selection.messages(), async () => {
        selection.clear();
        await again();
      });
    return button(`act-${act}`, run, words.actions[act], { class: act === "drop" ? "danger" : "" });
  });
  const resolve = (ids: readonly string[] | undefined): void => void dryRun(around, ids, outcome, again);
  const some = button(
    "resolve-selected",
    () => resolve(selection.messages().map(({ id }) => id)),
    words.heldPage.resolveSelected,
  );
  needing.push(some);
  const follow = (count: number): void => needing.forEach((each) => (each.disabled = count === 0));
  selection.onChange(follow);
  follow(0);
  const bar = h(
    "div",
    { class: "bar", role: "group", "aria-label": words.actions.title },
    selection.counter,
    needing,
    button("resolve-all", () => resolve(undefined), words.heldPage.resolveAll),
  );
  return {
    title: words.held,
    content: [
      section("by-reason", words.heldPage.reasons, reasons),
      h("p", { class: "quiet" }, words.actions.resolve, ": ", words.heldPage.dryRunFirst),
      bar,
      outcome,
      list,
    ],
  };
};

function reasonLinks(around: Around, { queue }: Status, chosen: string | undefined): Child {
  const { language, words } = around;
  const entry = (reason: string | undefined, name: string, count: number): HTMLElement =>
    h(
      "li",
      {},
      link(
        reason === undefined ? { kind: "held" } : { kind: "held", reason },
        { id: `reason-${reason ?? "all"}`, "aria-current": reason === chosen ? "true" : undefined },
        `${name} (${numberText(count, language)})`,
      ),
    );
  return h(
    "ul",
    { class: "pills" },
    entry(undefined, words.heldPage.all, queue.held),
    Object.entries(queue.heldByReason).map(([reason, count]) => entry(reason, reasonText(around, reason), count)),
  );
}

/** Shows what would become of them, and does it when that is wanted. */
async function dryRun(
  around: Around,
  ids: readonly string[] | undefined,
  outcome: HTMLElement,
  again: () => Promise<void>,
): Promise<void> {
  const { api, signal, words } = around;
  const doIt = async (): Promise<void> => {
    await tried(around, async () => {
      const results = await api.resolve(ids, false, signal);
      replace(outcome, resolutions(around, words.heldPage.hasBecome, results));
    });
    await again();
  };
  await tried(around, async () => {
    const results = await api.resolve(ids, true, signal);
    const isAny = results.some(({ kind }) => kind === "released" || kind === "duplicate");
    replace(
      outcome,
      resolutions(around, words.heldPage.wouldBe, results),
      isAny
        ? h(
            "p",
            {},
            button("resolve-now", () => void doIt(), words.heldPage.doIt, { class: "primary" }),
          )
        : undefined,
      button("resolve-close", () => replace(outcome), words.close),
    );
    outcome.querySelector<HTMLElement>("#resolve-now, #resolve-close")?.focus();
  });
}

function resolutions(around: Around, title: string, results: readonly ResolutionResult[]): HTMLElement {
  const { fields, results: kinds, none, resultOf } = around.words;
  if (results.length === 0) return section("resolutions", title, h("p", {}, none));
  const counts = countsText(
    resultOf,
    results.map(({ kind }) => kinds[kind]),
  );
  return section(
    "resolutions",
    title,
    h("p", { role: "status" }, counts),
    table(
      title,
      [
        { title: fields.id, isHeading: true, show: ({ id }) => link({ kind: "message", id }, {}, id) },
        { title: fields.state, show: ({ kind }) => kinds[kind] },
        { title: fields.to, show: ({ recipients = [] }) => foreign(recipients.join(", "), 500) },
        { title: fields.detail, show: ({ detail }) => foreign(detail, 500) },
      ],
      results,
    ),
  );
}
