/** What is held before anybody asks for whom it is: notes of mailbox software to itself, loops, too many hops. */
import type { HoldReason } from "../core/hold.ts";
import type { HeaderBlock } from "./header.ts";
import type { EnvelopePolicy } from "./policy.ts";
import { isOwnReceived } from "./trace.ts";

/** Our own Received field may stand once in honest mail: what we relayed out and a list or a colleague sent back. */
const ownReceivedOfALoop = 2;

/** The reason to hold a message unread; `undefined` if there is none. */
export function stopBeforeReading(
  header: HeaderBlock,
  policy: Pick<EnvelopePolicy, "hostname" | "limits">,
): { readonly reason: HoldReason; readonly detail: string } | undefined {
  if (isMailboxNote(header)) {
    return { reason: "server-internal", detail: "the first message of a UW IMAP folder, which holds its state" };
  }
  const received = header.fields.filter(({ lower }) => lower === "received");
  const own = received.filter(({ value }) => isOwnReceived(value, policy.hostname)).length;
  if (own >= ownReceivedOfALoop) {
    return { reason: "loop", detail: `${own} Received fields are by ${policy.hostname} itself` };
  }
  if (received.length > policy.limits.maxReceived) {
    return {
      reason: "too-many-hops",
      detail: `${received.length} Received fields, ${policy.limits.maxReceived} are allowed`,
    };
  }
  return undefined;
}

/** The pseudo message that the c-client library keeps at the start of a folder (UW IMAP, documentation "internal.txt"). */
function isMailboxNote(header: HeaderBlock): boolean {
  return (
    header.fields.some(({ lower }) => lower === "x-imap" || lower === "x-imapbase") &&
    header.fields.some(({ lower, value }) => lower === "subject" && /^DON'T DELETE THIS MESSAGE\b/iu.test(value))
  );
}
