/**
 * What popgate itself listens on: is each address free, or held by popgate, or by somebody else; and is the certificate
 * made out to our name and good for a while. Nothing stays open.
 */
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { describeCertificate } from "../net/certificate.ts";
import { connectionCode, hostPort } from "../net/connection-trouble.ts";
import { dial, DialError } from "../net/dial.ts";
import { type Finding, Notes } from "./finding.ts";
import { DialogueEnded, LineDialogue } from "./line-dialogue.ts";
import type { DoctorPorts } from "./port.ts";

export interface ListenerToCheck {
  /** `listener`, or `web page`. */
  readonly about: string;
  readonly hostname: string;
  readonly addresses: readonly { readonly host: string; readonly port: number; readonly greets: boolean }[];
  /** PEM file. */
  readonly certFile: string | undefined;
  /** Logins are configured. */
  readonly hasUsers: boolean;
  /** A daemon runs with this configuration. */
  readonly isRunning: boolean;
}

const dayMs = 24 * 60 * 60 * 1000;
const fewDays = 14;
const firstFreePort = 1024;

/** Never rejects but with the signal's reason. */
export async function checkListener(
  listener: ListenerToCheck,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const notes = new Notes(listener.about);
  for (const address of listener.addresses) await checkAddress(address, listener, notes, ports, signal);
  if (listener.certFile !== undefined) await checkCertificate(listener.certFile, listener.hostname, notes, ports);
  else if (listener.hasUsers)
    notes.warn(
      "listener-without-certificate",
      "there is no certificate: passwords of those who log in can be read on the way",
      "Give it one; Exchange also insists on it for BasicAuthRequireTLS.",
    );
  return notes.findings;
}

async function checkAddress(
  address: ListenerToCheck["addresses"][number],
  { hostname, isRunning }: ListenerToCheck,
  notes: Notes,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<void> {
  const { host, port } = address;
  const where = hostPort(host, port);
  const code = await bindCode(host, port);
  switch (code) {
    case undefined:
      notes.ok("listener-address-free", `${where} is free`);
      return;
    case "EADDRINUSE": {
      const greeting = address.greets ? await greetingOf(host, port, ports, signal) : undefined;
      if (isRunning && (!address.greets || greeting?.startsWith(`220 ${hostname} `) === true)) {
        notes.ok("listener-own", `${where} is held by popgate itself`);
        return;
      }
      notes.error(
        "listener-address-taken",
        `${where} is taken by another program${greeting === undefined ? "" : `, which greets: ${greeting}`}`,
        "Find it, and stop it or give popgate another port:",
        [`ss -ltnp 'sport = :${port}'`],
      );
      return;
    }
    case "EACCES":
      notes.error(
        "listener-not-allowed",
        `${where} may not be listened on by this user${port < firstFreePort ? ": ports below 1024 need a privilege" : ""}`,
        "In the unit of the service:",
        ["AmbientCapabilities=CAP_NET_BIND_SERVICE"],
      );
      return;
    case "EADDRNOTAVAIL":
      notes.error("listener-no-such-address", `${where}: this machine has no such address`);
      return;
    default:
      notes.error("listener-failed", `${where} cannot be listened on: ${code}`);
  }
}

/** Listens for a moment; the code of what is in the way. */
async function bindCode(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return undefined;
  } catch (error) {
    return connectionCode(error) || String(error);
  }
}

async function greetingOf(
  host: string,
  port: number,
  { timeouts }: DoctorPorts,
  signal: AbortSignal,
): Promise<string | undefined> {
  const tls = { mode: "off", ca: [], fingerprints: [], minVersion: "TLSv1.2", servername: undefined } as const;
  const any = host === "::" ? "::1" : host === "0.0.0.0" ? "127.0.0.1" : host;
  try {
    const socket = await dial({ host: any, port, tls, connectTimeoutMs: timeouts.connectMs }, signal);
    using dialogue = new LineDialogue(socket, signal);
    return (await dialogue.greeting("smtp", timeouts.silenceMs))[0];
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DialError || error instanceof DialogueEnded) return undefined;
    throw error;
  }
}

async function checkCertificate(file: string, hostname: string, notes: Notes, { clock }: DoctorPorts): Promise<void> {
  const certificate = await readCertificate(file);
  // What is wrong with the file itself, the configuration's check has said.
  if (certificate === undefined) return;
  const words = describeCertificate(certificate);
  if (certificate.checkHost(hostname) === undefined)
    notes.warn(
      "listener-certificate-name",
      `the certificate in ${file} is not for ${hostname}: ${words}`,
      "Clients that check, and Exchange with BasicAuthRequireTLS, connect to the name that it is made out to.",
    );
  const days = Math.floor((certificate.validToDate.getTime() - clock.now()) / dayMs);
  if (days < 0)
    notes.error(
      "listener-certificate-expired",
      `the certificate in ${file} has expired: ${words}`,
      "Renew it; no restart is needed.",
    );
  else if (days < fewDays)
    notes.warn(
      "listener-certificate-ends-soon",
      `the certificate in ${file} ends in ${days} day(s): ${words}`,
      "Renew it; no restart is needed.",
    );
  else notes.ok("listener-certificate", `${words}: ${days} days are left`);
}

async function readCertificate(file: string): Promise<X509Certificate | undefined> {
  try {
    return new X509Certificate(await readFile(file));
  } catch {
    return undefined;
  }
}
