/** Inbound mail that is due, for the worker that hands it to Exchange: straight from the queue, in order of age. */
import type { MessageId } from "../core/ids.ts";
import type { Clock } from "../core/ports.ts";
import type { DueEntry, Queue } from "../spool/port.ts";
import type { Work, WorkSource, WorkWanted } from "./work-source.ts";

export interface InboundSourceOptions {
  /** From this size on a message counts as large. Octets. */
  readonly largeOctets: number;
}

/** How many due messages are looked at when places are free: more than places, since large ones may have to wait. */
const lookAhead = 200;

/** A source of all inbound messages. For one worker. */
export function createInboundSource(
  { largeOctets }: InboundSourceOptions,
  { queue, clock }: { readonly queue: Queue; readonly clock: Clock },
): WorkSource {
  const claimed = new Set<MessageId>();
  return {
    async next(wanted) {
      const works: Work[] = [];
      let { largeRoom } = wanted;
      for (const id of await candidates(wanted)) {
        if (works.length >= wanted.room) break;
        const record = await queue.load(id);
        if (record === undefined) continue;
        const isLarge = record.size >= largeOctets;
        if (isLarge && largeRoom <= 0) continue;
        if (isLarge) largeRoom -= 1;
        claimed.add(id);
        works.push({ record, recipients: undefined, isLarge, [Symbol.dispose]: () => void claimed.delete(id) });
      }
      return works;
    },
    async nextAt() {
      const due = await queue.nextDueAt("inbound");
      // What is due already is under way, is passed over, or waits for a place: all end with a wake or with time.
      return due !== undefined && due > clock.now() ? due : undefined;
    },
    isBusy: () => false,
    onChange: (listener) => queue.onChange(listener),
  };

  /** The longest due that may be taken; `lastly` comes last. */
  async function candidates({ passesOver, lastly }: WorkWanted): Promise<readonly MessageId[]> {
    const now = clock.now();
    const ids: MessageId[] = [];
    let isLastDue = false;
    for (let after: DueEntry | undefined; ids.length < lookAhead;) {
      const page = await queue.due("inbound", now, lookAhead, after);
      for (const { id } of page) {
        if (claimed.has(id) || passesOver(id)) continue;
        if (id === lastly) isLastDue = true;
        else ids.push(id);
      }
      after = page.at(-1);
      if (after === undefined || page.length < lookAhead) break;
    }
    return isLastDue && lastly !== undefined ? [...ids, lastly] : ids;
  }
}
