/** What the runs in a network of their own tell: the drains of two programs, as JSON in a file. */
import { z } from "zod";
import type { Drain } from "./drain.ts";

export interface Drains {
  readonly popgate: readonly Drain[];
  readonly fetchmail: readonly Drain[];
}

const drain = z.strictObject({
  messages: z.number(),
  octets: z.number(),
  seconds: z.number(),
  cpuSeconds: z.number(),
  peakOctets: z.number(),
});
const drains = z.strictObject({ popgate: z.array(drain).min(1), fetchmail: z.array(drain).min(1) });

export function readDrains(text: string): Drains {
  return drains.parse(JSON.parse(text));
}
