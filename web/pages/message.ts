/** One message: where it is and why, what can be done to it, and its text, which is only ever shown as text. */
import type { Explanation, MessageDetail } from "../../src/admin/schemas.ts";
import { loading, tried, type Around, type PageMaker } from "../around.ts";
import type { Act } from "../asking.ts";
import { doTo } from "../doing.ts";
import { h, replace, type Child } from "../dom.ts";
import { sizeText } from "../format.ts";
import { button, facts, foreign, holdText, reasonText, section, stateBadge, table, timeOf } from "../parts.ts";
import { plain, plainLines } from "../plain.ts";
import { wayOf } from "../way.ts";

interface Whole {
  readonly detail: MessageDetail;
  readonly explanation: Explanation | undefined;
}

/** As much of a source as the server shows (`web-routes.ts`). */
const shownOctets = 256 * 1024;

export const messagePage: PageMaker<"message"> = (around, { id }) => {
  const { api, words } = around;
  const region = h("div", { id: "message" });
  // It is kept beside what is loaded again, so that it does not close by itself.
  const source = h("div", { id: "source-text" });
  const load = async (signal: AbortSignal): Promise<Whole> => {
    const [detail, explanations] = await Promise.all([api.message(id, signal), api.explain(id, signal)]);
    return { detail, explanation: explanations.find(({ message }) => message.id === detail.id) };
  };
  const again: () => Promise<void> = loading(around, region, load, (whole) =>
    show(around, whole, source, async () => again()),
  );
  around.onChange(again, ({ message }) => message === id.toUpperCase());
  return { title: words.message, content: [region] };
};

function show(around: Around, { detail, explanation }: Whole, source: HTMLElement, again: () => Promise<void>): Child {
  const { words } = around;
  return [
    h("p", { class: "subject" }, plain(detail.subject) === "" ? words.noSubject : foreign(detail.subject)),
    h(
      "p",
      {},
      stateBadge(around, detail.state),
      " ",
      explanation === undefined
        ? undefined
        : h("span", { lang: "en", class: "summary" }, h("bdi", {}, plain(explanation.summary))),
    ),
    holdPart(around, detail),
    actionBar(around, detail, again),
    explanation === undefined ? undefined : section("way", words.messagePage.way, wayOf(around, explanation)),
    section("recipients", words.messagePage.recipients, recipientTable(around, detail)),
    section("attempts", words.messagePage.attempts, attemptTable(around, detail)),
    section("facts", words.messagePage.facts, factList(around, detail)),
    sourcePart(around, detail, source),
  ];
}

function holdPart(around: Around, { hold }: MessageDetail): Child {
  if (hold === undefined) return undefined;
  const { fields, messagePage } = around.words;
  const { meaning, remedy } = holdText(around, hold.reason, hold);
  return h(
    "div",
    { class: "notice" },
    facts([
      [fields.reason, reasonText(around, hold.reason)],
      [fields.detail, foreign(hold.detail, 1000)],
      [messagePage.meaning, meaning],
      [messagePage.remedy, remedy],
      [fields.since, timeOf(around, hold.since)],
    ]),
  );
}

function actionBar(around: Around, detail: MessageDetail, again: () => Promise<void>): Child {
  if (detail.state === "ended") return undefined;
  const isHeld = detail.state === "held";
  // What is most likely wanted comes first.
  const acts: readonly Act[] = [
    ...(isHeld ? (["release", "redirect"] as const) : (["retry", "redirect", "hold"] as const)),
    ...(isHeld && detail.recipients.length > 0 ? (["retry"] as const) : []),
    // The sender of inbound mail may be forged: it is not returned.
    ...(detail.direction === "outbound" ? (["bounce"] as const) : []),
    "drop",
  ];
  const { words } = around;
  return h(
    "div",
    { class: "bar", role: "group", "aria-label": words.actions.title },
    acts.map((act, index) => {
      const tone = act === "drop" ? "danger" : index === 0 ? "primary" : "";
      const run = (): void => void doTo(around, act, [detail], again);
      return button(`act-${act}`, run, words.actions[act], { class: tone });
    }),
  );
}

function recipientTable(around: Around, { details }: MessageDetail): Child {
  const { fields, messagePage, noRecipients } = around.words;
  if (details.length === 0) return h("p", { class: "quiet" }, noRecipients);
  return table(
    messagePage.recipients,
    [
      { title: fields.recipient, isHeading: true, show: ({ address }) => foreign(address) },
      { title: fields.state, show: ({ state }) => stateBadge(around, state) },
      { title: fields.attempts, show: ({ attempts }) => attempts },
      {
        title: fields.next,
        show: ({ nextAttemptAt }) => (nextAttemptAt === undefined ? "–" : timeOf(around, nextAttemptAt)),
      },
      {
        title: fields.detail,
        show: ({ detail, unconfirmed }) => [
          foreign(detail, 1000),
          unconfirmed === 0 ? undefined : h("p", { class: "quiet" }, messagePage.unconfirmed(unconfirmed)),
        ],
      },
    ],
    details,
  );
}

function attemptTable(around: Around, { attempts }: MessageDetail): Child {
  const { fields, messagePage } = around.words;
  if (attempts.length === 0) return h("p", { class: "quiet" }, messagePage.noAttempts);
  return table(
    messagePage.attempts,
    [
      { title: fields.time, isHeading: true, show: ({ at }) => timeOf(around, at) },
      { title: fields.destination, show: ({ destination }) => (destination === "" ? "popgate" : foreign(destination)) },
      { title: fields.recipient, show: ({ recipients }) => foreign(recipients.join(", "), 500) },
      { title: fields.detail, show: ({ text }) => foreign(text, 1000) },
    ],
    attempts,
  );
}

function factList(around: Around, detail: MessageDetail): HTMLElement {
  const { words, language } = around;
  const { fields } = words;
  return facts([
    [fields.id, h("code", {}, detail.id)],
    [fields.from, foreign(detail.from)],
    [fields.reversePath, detail.reversePath === "" ? words.nobody : foreign(detail.reversePath)],
    [fields.direction, words.directions[detail.direction]],
    [fields.origin, foreign(detail.origin)],
    [fields.received, timeOf(around, detail.receivedAt)],
    [fields.ended, detail.endedAt === undefined ? undefined : timeOf(around, detail.endedAt)],
    [fields.size, sizeText(detail.size, language)],
    [fields.messageId, detail.messageId === "" ? undefined : foreign(detail.messageId, 1000)],
    [fields.removed, detail.removed.length === 0 ? undefined : foreign(detail.removed.join(", "), 1000)],
    [fields.digest, h("code", {}, detail.digest)],
  ]);
}

function sourcePart(around: Around, { id, state, headers }: MessageDetail, source: HTMLElement): Child {
  const { api, language, words } = around;
  const { messagePage } = words;
  if (state === "ended") return section("source", messagePage.source, h("p", { class: "quiet" }, messagePage.gone));
  const load = (isRendered: boolean): void =>
    void tried(around, async () => {
      const { text, truncated } = await api.source(id, isRendered, around.signal);
      replace(
        source,
        truncated ? h("p", { class: "quiet" }, messagePage.cut(sizeText(shownOctets, language))) : undefined,
        sourceBlock(messagePage.source, text),
      );
    });
  return [
    section("headers", messagePage.headers, sourceBlock(messagePage.headers, headers)),
    section(
      "source",
      messagePage.source,
      h(
        "div",
        { class: "bar" },
        button("show-source", () => load(false), messagePage.showSource),
        button("show-rendered", () => load(true), messagePage.showRendered),
        h(
          "a",
          {
            class: "button",
            id: "download",
            href: `/v1/messages/${encodeURIComponent(id)}/raw`,
            download: `${id}.eml`,
          },
          messagePage.download,
        ),
      ),
      source,
    ),
  ];
}

/** Can be scrolled with the keyboard. */
function sourceBlock(label: string, text: string): HTMLElement {
  return h("pre", { tabindex: 0, role: "region", "aria-label": label, dir: "ltr" }, plainLines(text));
}
