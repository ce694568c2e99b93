/**
 * The part of a session that finds a profile, for accounts with `profile = "auto"` that have none yet; afterwards what
 * was held for want of one is decided again. See `auto.ts` for what is looked at.
 */
import type { HeaderBlock } from "../message/header.ts";
import type { Pop3Box } from "../pop3/port.ts";
import type { AccountState } from "./account-state.ts";
import { boxHeaders, heldForProfile, heldHeaders, learnFrom } from "./auto.ts";
import type { AutoPolicy } from "./envelope.ts";
import type { SessionPlan } from "./actions.ts";
import { resolveHeld } from "./resolve.ts";

/**
 * Learns before anything is fetched. True when there is nothing to learn after the fetching either: a profile is known,
 * or the box has shown all it has.
 */
export async function learnFromBox(state: AccountState, box: Pop3Box, plan: SessionPlan): Promise<boolean> {
  const auto = undecided(state);
  if (auto === undefined) return true;
  const numbers = [
    ...plan.fetches.map(({ number }) => number),
    ...plan.leaves.filter(({ why }) => why === "initial").map(({ number }) => number),
  ];
  if (numbers.length === 0) return true;
  const { learnFrom: count, topOctets: octets } = state.options.limits;
  const headers = await boxHeaders(box, numbers, { count, octets });
  if (headers.length === 0) return false;
  await learn(state, auto, headers);
  return true;
}

/** Learns from what was fetched and held, for servers that do not know TOP. */
export async function learnFromHeld(state: AccountState): Promise<void> {
  const auto = undecided(state);
  if (auto !== undefined) await learn(state, auto, []);
}

function undecided({ options, guide }: AccountState): AutoPolicy | undefined {
  return options.policy.kind === "auto" && guide.policy() === undefined ? options.policy : undefined;
}

async function learn(state: AccountState, auto: AutoPolicy, fromBox: readonly HeaderBlock[]): Promise<void> {
  const { name: account, spool, clock, events, limits } = state.options;
  const count = Math.max(0, limits.learnFrom - fromBox.length);
  const held = count === 0 ? [] : await heldHeaders(spool, account, { count, octets: limits.topOctets });
  const result = learnFrom([...fromBox, ...held], auto, clock.now());
  if (result.kind === "undecided") {
    state.tellOnce("profile-undecided", { kind: "profile-undecided", account, detail: result.why });
    return;
  }
  await state.remember({ learnt: result.learnt, drift: undefined });
  const { profile, share, of } = result.learnt;
  events.emit({ kind: "profile-learnt", account, profile, share, of });
  await releaseUndecided(state);
}

/** Decides again what was held while no profile was known. What is still not clear stays held, with the new reason. */
async function releaseUndecided(state: AccountState): Promise<void> {
  const { name: account, spool, clock, events, limits } = state.options;
  const resolutions = resolveHeld(
    {
      spool,
      clock,
      events,
      policyOf: async (name) => (name === account ? state.guide.policy() : undefined),
      which: "all",
      account,
      reasons: heldForProfile,
      dryRun: false,
      maxHeaderOctets: limits.maxHeaderOctets,
    },
    new AbortController().signal,
  );
  for await (const resolution of resolutions) void resolution;
}
