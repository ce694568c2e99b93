/** Small parts that several pages show: times, states, tables, links, groups of buttons. */
import type { MessageSummary, RecipientDetail } from "../src/admin/schemas.ts";
import type { HoldReason, HoldWords } from "../src/core/hold.ts";
import type { Around } from "./around.ts";
import { h, type Attributes, type Child } from "./dom.ts";
import { durationText, isoLocal, timeText } from "./format.ts";
import { cut, plain } from "./plain.ts";
import { pathOf, type Route } from "./route.ts";

/** A moment: short, with all of it in the title. */
export function timeOf(around: Around, at: number | undefined): Child {
  if (at === undefined) return around.words.never;
  const attributes = { datetime: new Date(at).toISOString(), title: isoLocal(at) };
  return h("time", attributes, timeText(at, around.now(), around.language));
}

/** How long ago, or in how long. */
export function agoOf(around: Around, at: number | undefined): Child {
  if (at === undefined) return around.words.never;
  const ms = around.now() - at;
  const text = durationText(Math.abs(ms), around.language);
  const attributes = { datetime: new Date(at).toISOString(), title: isoLocal(at) };
  return h("time", attributes, ms >= 0 ? around.words.ago(text) : around.words.inFuture(text));
}

/** Text that others have written: it keeps its direction to itself. */
export function foreign(text: string, most = 300): HTMLElement {
  return h("bdi", {}, cut(plain(text), most));
}

/** A link within the page; the frame takes care of following it. */
export function link(route: Route, attributes: Attributes, ...children: readonly Child[]): HTMLAnchorElement {
  return h("a", { ...attributes, href: pathOf(route) }, ...children);
}

export function button(id: string, run: () => void, text: string, attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", id, onclick: run, ...attributes }, text);
}

type State = MessageSummary["state"] | RecipientDetail["state"];

const badges: Readonly<Record<State, string>> = {
  queued: "waiting",
  held: "warning",
  ended: "neutral",
  delivered: "good",
  bounced: "error",
  expired: "error",
  dropped: "neutral",
};

export function stateBadge({ words }: Around, state: State): HTMLElement {
  return badge(badges[state], words.states[state]);
}

export function badge(tone: string, text: string): HTMLElement {
  return h("span", { class: `badge ${tone}` }, text);
}

/** The reason of a hold in the words of the page; one that is not known to it, as it is. */
export function reasonText({ words }: Around, reason: string): string {
  return isReason(reason, words.reasons) ? words.reasons[reason] : plain(reason);
}

/** What it means and what to do, in the language of the page where it has words for it, else in the server's. */
export function holdText(
  { words }: Around,
  reason: string,
  given: HoldWords,
): { readonly [K in keyof HoldWords]: Child } {
  const own = isReason(reason, words.reasons) ? words.holds[reason] : undefined;
  if (own !== undefined) return own;
  return {
    meaning: h("span", { lang: "en" }, plain(given.meaning)),
    remedy: h("span", { lang: "en" }, plain(given.remedy)),
  };
}

function isReason(text: string, known: Readonly<Record<HoldReason, string>>): text is HoldReason {
  return Object.hasOwn(known, text);
}

/** Up to three, and how many more. */
export function recipientsText({ words }: Around, { recipients }: Pick<MessageSummary, "recipients">): Child {
  if (recipients.length === 0) return h("span", { class: "quiet" }, words.noRecipients);
  const shown = recipients.slice(0, 3).flatMap(({ address }, index) => [index === 0 ? "" : ", ", foreign(address, 80)]);
  return recipients.length > 3 ? [...shown, " ", words.more(recipients.length - 3)] : shown;
}

export function subjectText({ words }: Around, subject: string): Child {
  return plain(subject).trim() === "" ? h("span", { class: "quiet" }, words.noSubject) : foreign(subject, 120);
}

export interface Column<T> {
  readonly title: string;
  readonly show: (row: T) => Child;
  /** Names the row for whoever hears it. */
  readonly isHeading?: boolean;
  /** Is not broken into lines. */
  readonly isShort?: boolean;
  /** The title is for whoever hears it only. */
  readonly isQuiet?: boolean;
}

/** On a narrow screen each row is a card; the roles are written out because its cells are blocks there. */
export function table<T>(label: string, columns: readonly Column<T>[], rows: readonly T[]): HTMLElement {
  const head = columns.map(({ title, isQuiet }) =>
    h("th", { scope: "col", role: "columnheader" }, isQuiet === true ? h("span", { class: "unseen" }, title) : title),
  );
  const body = rows.map((row) =>
    h(
      "tr",
      { role: "row" },
      columns.map(({ title, show, isHeading, isShort, isQuiet }) => {
        const label = isQuiet === true ? undefined : title;
        return isHeading === true
          ? h("th", { scope: "row", role: "rowheader", "data-label": label }, show(row))
          : h("td", { role: "cell", "data-label": label, class: isShort === true ? "short" : undefined }, show(row));
      }),
    ),
  );
  return h(
    "table",
    { role: "table", "aria-label": label },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h("tbody", { role: "rowgroup" }, body),
  );
}

/** Names and values. Values that are `undefined` are left out with their names. */
export function facts(pairs: readonly (readonly [string, Child])[]): HTMLElement {
  return h(
    "dl",
    {},
    pairs.flatMap(([name, value]) =>
      value === undefined ? [] : [h("div", {}, h("dt", {}, name), h("dd", {}, value))],
    ),
  );
}

/** A part of a page under a heading that names it. */
export function section(id: string, title: string, ...children: readonly Child[]): HTMLElement {
  return h("section", { "aria-labelledby": `${id}-title`, id }, h("h2", { id: `${id}-title` }, title), ...children);
}

export function field(label: string, control: HTMLElement, hint?: string): HTMLElement {
  const hintId = `${control.id}-hint`;
  if (hint !== undefined) control.setAttribute("aria-describedby", hintId);
  return h(
    "div",
    { class: "field" },
    h("label", { for: control.id }, label),
    control,
    hint === undefined ? undefined : h("p", { class: "hint", id: hintId }, hint),
  );
}

/** Values and what they are called. */
export function choice(id: string, name: string, options: readonly (readonly [string, string])[], chosen: string) {
  const all = options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen] as const];
  return h(
    "select",
    { id, name },
    all.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
}
