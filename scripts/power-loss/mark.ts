/** What the workload says of its spool, one JSON line each, in the order in which it happens. */
import { isEnded, type MessageRecord } from "../../src/spool/record.ts";

export type Mark =
  /** The spool was opened: there it is from now on. */
  | { readonly kind: "opened" }
  /** A message was acknowledged. */
  | {
      readonly kind: "taken";
      readonly id: string;
      readonly digest: string;
      readonly state: string;
      readonly uidl: string;
    }
  /** It may have this state from now on. */
  | { readonly kind: "changing"; readonly id: string; readonly state: string }
  /** It has it: this was acknowledged. */
  | { readonly kind: "changed"; readonly id: string; readonly state: string }
  /** What the account remembers. */
  | { readonly kind: "remembering"; readonly value: number }
  | { readonly kind: "remembered"; readonly value: number }
  /** A copy of the spool is in this directory, beside or below it. */
  | { readonly kind: "copied"; readonly dir: string };

/** The states of a message and of all its recipients, as one text. */
export function stateOf(record: Pick<MessageRecord, "hold" | "recipients" | "owed">): string {
  const parts = record.recipients.map(({ address, state }) => `${address} ${state.kind}`);
  return [isEnded(record) ? "ended" : record.hold === undefined ? "open" : "held", ...parts].join(", ");
}
