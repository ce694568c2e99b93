/** Looks up a host's name, under a deadline: a resolver whose servers are gone can take its time. */
import { Deadline } from "../net/deadline.ts";
import type { DoctorPorts } from "./port.ts";

/** Addresses. Rejects as node:dns does, with `ETIMEOUT` when no answer came in time, or with the signal's reason. */
export async function addressesOf(
  host: string,
  { lookup, timeouts }: DoctorPorts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  signal.throwIfAborted();
  using deadline = new Deadline(timeouts.connectMs, signal);
  const { promise: over, reject } = Promise.withResolvers<never>();
  const late = Object.assign(new Error("no answer of DNS in time"), { code: "ETIMEOUT" });
  const onAbort = (): void => reject(deadline.passed ? late : signal.reason);
  deadline.signal.addEventListener("abort", onAbort, { once: true });
  return await Promise.race([lookup(host), over]);
}
