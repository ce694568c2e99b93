/** For whom a message is: bytes and policy in, a decision out. */
import type { Decision } from "./decision.ts";
import type { HeaderBlock } from "./header.ts";
import type { EnvelopePolicy } from "./policy.ts";

export function decide(header: HeaderBlock, policy: EnvelopePolicy): Decision {
  throw new TypeError(`not written yet: ${header.bodyStart} ${policy.kind}`);
}
