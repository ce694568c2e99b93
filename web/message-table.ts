/** Messages as a table of which rows can be chosen. */
import type { MessageSummary } from "../src/admin/schemas.ts";
import type { Around } from "./around.ts";
import { h } from "./dom.ts";
import {
  agoOf,
  foreign,
  link,
  reasonText,
  recipientsText,
  stateBadge,
  subjectText,
  table,
  timeOf,
  type Column,
} from "./parts.ts";
import { cut, plain } from "./plain.ts";

export interface Selection {
  /** How many are chosen, as text that keeps itself up to date. */
  readonly counter: HTMLElement;
  /** Those that are chosen. */
  messages(): readonly MessageSummary[];
  has(id: string): boolean;
  choose(ids: readonly string[], isChosen: boolean): void;
  /** These are in the list now. */
  shown(messages: readonly MessageSummary[]): void;
  clear(): void;
  onChange(listener: (count: number) => void): void;
}

interface MessageTable {
  readonly label: string;
  readonly messages: readonly MessageSummary[];
  readonly selection: Selection;
  /** Beside the usual ones. */
  readonly columns: readonly Column<MessageSummary>[];
}

export function messageTable(around: Around, { label, messages, selection, columns }: MessageTable): HTMLElement {
  const { words } = around;
  const boxes: HTMLInputElement[] = [];
  const all = h("input", {
    type: "checkbox",
    id: "select-all",
    onchange: () => {
      selection.choose(
        messages.map(({ id }) => id),
        all.checked,
      );
      for (const box of boxes) box.checked = all.checked;
    },
  });
  all.checked = messages.every(({ id }) => selection.has(id));
  const rows = table(label, [chooser(around, selection, boxes, all), ...usual(around), ...columns], messages);
  return h("div", {}, h("label", { class: "check all" }, all, " ", words.queuePage.selectAll), rows);
}

function chooser(
  { words }: Around,
  selection: Selection,
  boxes: HTMLInputElement[],
  all: HTMLInputElement,
): Column<MessageSummary> {
  return {
    title: words.queuePage.select(""),
    isQuiet: true,
    show: ({ id, subject }) => {
      const box = h("input", {
        type: "checkbox",
        id: `select-${id}`,
        checked: selection.has(id),
        "aria-label": words.queuePage.select(cut(plain(subject === "" ? id : subject), 80)),
        onchange: () => {
          selection.choose([id], box.checked);
          all.checked = boxes.every(({ checked }) => checked);
        },
      });
      boxes.push(box);
      return box;
    },
  };
}

function usual(around: Around): readonly Column<MessageSummary>[] {
  const { fields, directions } = around.words;
  return [
    {
      title: fields.subject,
      isHeading: true,
      show: ({ id, subject }) => link({ kind: "message", id }, { id: `message-${id}` }, subjectText(around, subject)),
    },
    {
      title: fields.state,
      show: ({ state, reason }) => [
        stateBadge(around, state),
        reason === undefined ? undefined : [" ", h("span", { class: "quiet" }, reasonText(around, reason))],
      ],
    },
    { title: fields.from, show: ({ from, reversePath }) => foreign(from === "" ? reversePath : from, 80) },
    { title: fields.to, show: (message) => recipientsText(around, message) },
    { title: fields.received, isShort: true, show: ({ receivedAt }) => timeOf(around, receivedAt) },
    {
      title: fields.next,
      isShort: true,
      show: ({ nextAttemptAt }) => (nextAttemptAt === undefined ? "–" : agoOf(around, nextAttemptAt)),
    },
    { title: fields.direction, isShort: true, show: ({ direction }) => directions[direction] },
  ];
}
