/**
 * Which messages of a list are chosen. It outlives the list's being loaded again: what is still there stays chosen, what
 * has gone is not chosen any more.
 */
import type { MessageSummary } from "../src/admin/schemas.ts";
import type { Around } from "./around.ts";
import { h, replace } from "./dom.ts";
import type { Selection } from "./message-table.ts";

export function createSelection({ words }: Pick<Around, "words">): Selection {
  const chosen = new Set<string>();
  let messages: readonly MessageSummary[] = [];
  const listeners: ((count: number) => void)[] = [];
  const counter = h("span", { class: "counter", role: "status" }, words.queuePage.selected(0));
  const changed = (): void => {
    replace(counter, words.queuePage.selected(chosen.size));
    for (const listener of listeners) listener(chosen.size);
  };
  return {
    counter,
    messages: () => messages.filter(({ id }) => chosen.has(id)),
    has: (id) => chosen.has(id),
    choose(ids, isChosen) {
      for (const id of ids)
        if (isChosen) chosen.add(id);
        else chosen.delete(id);
      changed();
    },
    shown(now) {
      messages = now;
      const there = new Set(now.map(({ id }) => id));
      for (const id of chosen) if (!there.has(id)) chosen.delete(id);
      changed();
    },
    clear() {
      chosen.clear();
      changed();
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
