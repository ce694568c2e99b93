/**
 * What an account remembers between polls and across restarts: one value in the ledger (`Ledger.state`).
 *
 * What is read back is checked; a part that cannot be read is forgotten, which is always safe: a forgotten login time
 * costs one early login, a forgotten drift profile is learnt again, a forgotten first contact is seen from the ledger.
 */
import { z } from "zod";
import type { EpochMs } from "../core/ports.ts";
import type { Capabilities } from "../pop3/port.ts";
import type { DriftProfile } from "./drift.ts";

export interface Learnt {
  /** Name of the profile. */
  readonly profile: string;
  readonly share: number;
  readonly of: number;
  readonly at: EpochMs;
}

export interface AccountMemory {
  /** When the box was first looked at with success. */
  readonly contactedAt: EpochMs | undefined;
  /** Written before each login, so that a crash in it is remembered too. */
  readonly lastLoginAt: EpochMs | undefined;
  /** How long the server wants us to stay away between logins, by CAPA or by what it said when refusing one. */
  readonly loginDelayMs: number | undefined;
  readonly capabilities: Capabilities | undefined;
  /** The box was found rebuilt at this time, and not all in it has been recognised or brought in since. */
  readonly rebuildingSince: EpochMs | undefined;
  readonly drift: DriftProfile | undefined;
  /** The profile that `profile = "auto"` has found. */
  readonly learnt: Learnt | undefined;
}

export const blankMemory: AccountMemory = {
  contactedAt: undefined,
  lastLoginAt: undefined,
  loginDelayMs: undefined,
  capabilities: undefined,
  rebuildingSince: undefined,
  drift: undefined,
  learnt: undefined,
};

const time = z.number().int().nonnegative();
const count = z.number().int().nonnegative();

const capabilities = z.object({
  announced: z.boolean(),
  uidl: z.boolean(),
  top: z.boolean(),
  pipelining: z.boolean(),
  stls: z.boolean(),
  utf8: z.boolean(),
  sasl: z.array(z.string()),
  loginDelaySeconds: optional(z.number().nonnegative()),
  expire: optional(
    z.union([z.object({ kind: z.literal("never") }), z.object({ kind: z.literal("days"), days: z.number() })]),
  ),
  implementation: optional(z.string()),
});

const drift = z.object({
  fingerprint: z.string(),
  seen: z.record(z.string(), count),
  total: count,
  run: z.object({ source: optional(z.string()), length: count }),
  established: optional(z.string()),
  incident: optional(z.object({ since: time, held: count })),
});

const learnt = z.object({ profile: z.string(), share: z.number(), of: z.number(), at: time });

const memory = z.object({
  contactedAt: forgiving(time),
  lastLoginAt: forgiving(time),
  loginDelayMs: forgiving(z.number().nonnegative()),
  capabilities: forgiving(capabilities),
  rebuildingSince: forgiving(time),
  drift: forgiving(drift),
  learnt: forgiving(learnt),
});

/** Reads what `Ledger.state` gave. */
export function readMemory(state: unknown): AccountMemory {
  const result = memory.safeParse(state);
  return result.success ? { ...blankMemory, ...result.data } : blankMemory;
}

/** Absent and `null` mean the same as `undefined`, which JSON does not know. */
function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** As `optional`, and what has the wrong form is forgotten. */
function forgiving<T extends z.ZodType>(schema: T) {
  return optional(schema).catch(undefined);
}
