/** Which profile fits the mail of a box. */
import type { HeaderBlock } from "./header.ts";
import type { CollectorPolicy } from "./policy.ts";
import type { Profile } from "./profiles.ts";

/** All of a collector's policy but what is to be learnt. */
export type LearnBase = Omit<
  CollectorPolicy,
  "kind" | "profile" | "sources" | "place" | "providerHosts" | "absentWhenSeveral"
>;

export type Learnt =
  /** `share` of `of` messages give local recipients by it. */
  | { readonly kind: "learnt"; readonly profile: Profile; readonly share: number; readonly of: number }
  | { readonly kind: "undecided"; readonly why: string };

export function learnProfile(headers: readonly HeaderBlock[], base: LearnBase): Learnt {
  throw new TypeError(`not written yet: ${headers.length} ${base.hostname}`);
}
