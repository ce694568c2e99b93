/**
 * Finds out how a provider's server is reached: the secure ports are tried in order of preference, TLS from the start
 * before STARTTLS (RFC 8314 §3), each as far as the greeting, the certificate and the capabilities. No login, nothing in
 * the clear. Fails only with the signal's reason: a server that is not found is a result.
 */
import { lookup } from "node:dns/promises";
import type { Clock, Random } from "../core/ports.ts";
import { Notes } from "../doctor/finding.ts";
import { defaultDoctorTimeouts, type DoctorPorts, type DoctorTimeouts } from "../doctor/port.ts";
import { lookAtServer } from "../doctor/server-look.ts";

export interface Door {
  readonly port: number;
  readonly mode: "implicit" | "starttls";
}

/** In order of preference. */
export const usualDoors: Readonly<Record<"pop3" | "smtp", readonly Door[]>> = {
  pop3: [
    { port: 995, mode: "implicit" },
    { port: 110, mode: "starttls" },
  ],
  smtp: [
    { port: 465, mode: "implicit" },
    { port: 587, mode: "starttls" },
  ],
};

export interface SearchAround {
  readonly clock: Clock;
  readonly random: Random;
  readonly timeouts?: DoctorTimeouts | undefined;
  readonly lookup?: DoctorPorts["lookup"] | undefined;
}

export interface Sought {
  readonly protocol: "pop3" | "smtp";
  readonly host: string;
  /** Our name. */
  readonly hostname: string;
  /** PEM texts to trust instead of the system's authorities. */
  readonly ca: readonly string[];
  readonly doors: readonly Door[];
}

/** The first door that is open and proves itself; otherwise what was wrong with each, in words. */
export async function findServer(
  { protocol, host, hostname, ca, doors }: Sought,
  { clock, random, timeouts = defaultDoctorTimeouts, lookup: addresses = systemAddresses }: SearchAround,
  signal: AbortSignal,
): Promise<{ readonly found: Door | undefined; readonly troubles: readonly string[] }> {
  const troubles: string[] = [];
  for (const door of doors) {
    const { port, mode } = door;
    const tls = { mode, ca, fingerprints: [], minVersion: "TLSv1.2", servername: undefined } as const;
    const notes = new Notes(`${host}:${port}`);
    const ports: DoctorPorts = { clock, random, timeouts, lookup: addresses };
    const look = await lookAtServer({ protocol, host, port, tls, hostname }, notes, ports, signal);
    if (look !== undefined) return { found: door, troubles };
    troubles.push(...notes.findings.filter(({ severity }) => severity === "error").map(({ what }) => what));
  }
  return { found: undefined, troubles: [...new Set(troubles)] };
}

/** Where Exchange sends from, most likely. Empty when its name leads nowhere. */
export async function systemAddresses(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => address))];
}
