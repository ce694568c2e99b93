/** What has been acknowledged up to a moment, and what may have become of it: read off the marks. Pure. */
import type { Mark } from "./mark.ts";

interface Taken {
  readonly digest: string;
  readonly uidl: string;
  /** The state that was acknowledged last, and those that may have come after it. */
  states: readonly string[];
}

export class Expectation {
  readonly messages = new Map<string, Taken>();
  readonly copies = new Set<string>();
  opened = false;
  remembered = { least: 0, most: 0 };

  note(text: string): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by the workload, which has the type
    const mark = JSON.parse(text) as Mark;
    switch (mark.kind) {
      case "opened":
        this.opened = true;
        return;
      case "copied":
        return void this.copies.add(mark.dir);
      case "taken":
        return void this.messages.set(mark.id, { digest: mark.digest, uidl: mark.uidl, states: [mark.state] });
      case "changing": {
        const taken = this.messages.get(mark.id);
        if (taken !== undefined) taken.states = [...taken.states, mark.state];
        return;
      }
      case "changed": {
        const taken = this.messages.get(mark.id);
        if (taken !== undefined) taken.states = [mark.state];
        return;
      }
      case "remembering":
        this.remembered = { ...this.remembered, most: mark.value };
        return;
      case "remembered":
        this.remembered = { least: mark.value, most: mark.value };
        return;
    }
  }
}
