/** Inbound mail that is due, for the worker that hands it to Exchange: straight from the queue, in order of age. */
import type { MessageId } from "../core/ids.ts";
import type { Clock } from "../core/ports.ts";
import type { DueEntry, Queue } from "../spool/port.ts";
import type { Work, WorkSource, WorkWanted } from "./work-source.ts";

export interface InboundSourceOptions {
  /** From this size on a message counts as large. Octets. */
  readonly largeOctets: number;
}

/** So many due messages are looked at, and no more when places are taken by large ones that have to wait. */
const lookAhead = 200;
/** Looked at in one go, besides those that are claimed: mostly a few places become free. */
const atOnce = 8;

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
      for await (const id of candidates(wanted)) {
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
  async function* candidates({ room, passesOver, lastly }: WorkWanted): AsyncGenerator<MessageId> {
    const now = clock.now();
    let isLastDue = false;
    let looked = 0;
    let size = Math.min(lookAhead, claimed.size + room + atOnce);
    for (let after: DueEntry | undefined; looked < lookAhead;) {
      const page = await queue.due("inbound", now, size, after);
      for (const { id } of page) {
        if (claimed.has(id) || passesOver(id)) continue;
        if (id === lastly) isLastDue = true;
        else {
          looked += 1;
          yield id;
        }
      }
      after = page.at(-1);
      if (after === undefined || page.length < size) break;
      size = lookAhead;
    }
    if (isLastDue && lastly !== undefined) yield lastly;
  }
}
