/**
 * `popgate doctor`: makes of a configuration what the doctor looks at, with the ways to the servers that the program
 * itself goes: the POP3 client, delivery's SMTP sessions, the configured credentials. Needs no spool and no daemon.
 *
 * Parts that have nothing to do with each other are looked at side by side; accounts one after the other, since most are
 * at the same provider.
 */
import { randomBytes } from "node:crypto";
import { lookup } from "node:dns/promises";
import { statfs } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import type { AccountConfig, Config, Credentials, RelayConfig } from "../config/config.ts";
import type { Clock, Random } from "../core/ports.ts";
import { type AccountToCheck, checkAccount } from "../doctor/account-check.ts";
import { checkExchange } from "../doctor/exchange-check.ts";
import type { Finding } from "../doctor/finding.ts";
import { checkHost, type HostToCheck } from "../doctor/host-check.ts";
import { checkListener, type ListenerToCheck } from "../doctor/listener-check.ts";
import { defaultDoctorTimeouts, type DoctorPorts, type DoctorTimeouts } from "../doctor/port.ts";
import { checkRelay } from "../doctor/relay-check.ts";
import { boxHeaders } from "../inbound/auto.ts";
import { Deadline } from "../net/deadline.ts";
import { pop3Connect } from "../pop3/connect.ts";
import { defaultTimeouts } from "../pop3/options.ts";
import { dataFile } from "../spool/page-layout.ts";
import { boxOptions } from "./box-options.ts";
import { openCredentials } from "./credentials.ts";
import { probeOf } from "./probing.ts";

/** What is to be looked at. */
export type DoctorPart =
  | { readonly kind: "all" }
  | { readonly kind: "host" | "exchange" | "listener" }
  | { readonly kind: "account" | "relay"; readonly name: string };

export interface DoctorAround {
  readonly clock: Clock;
  readonly random: Random;
  readonly timeouts?: DoctorTimeouts | undefined;
  /** Addresses of a host name; the system's resolver unless given. */
  readonly lookup?: DoctorPorts["lookup"] | undefined;
  /** Octets free on the file system of a directory; the system's word unless given. */
  readonly freeOctets?: HostToCheck["freeOctets"] | undefined;
}

/** Looks. Rejects only with the signal's reason. */
export async function doctor(
  config: Config,
  part: DoctorPart,
  around: DoctorAround,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { clock, random, timeouts = defaultDoctorTimeouts, lookup: addresses = addressesOf } = around;
  const ports: DoctorPorts = { clock, random, timeouts, lookup: addresses };
  const isRunning = await answers(config.admin.socket, signal);
  const wants = (kind: DoctorPart["kind"], name?: string): boolean =>
    part.kind === "all" || (part.kind === kind && (!("name" in part) || part.name === name));
  const work: Promise<readonly Finding[]>[] = [];
  if (wants("host")) work.push(checkHost(hostOf(config, isRunning, around), ports, signal));
  if (wants("listener"))
    for (const listener of listenersOf(config, isRunning)) work.push(checkListener(listener, ports, signal));
  if (wants("exchange")) work.push(exchange(config, ports, signal));
  for (const relay of config.relays) if (wants("relay", relay.name)) work.push(relayOf(relay, config, ports, signal));
  const named = config.accounts.filter(({ name }) => wants("account", name));
  // What somebody has switched off is looked at only when it is asked for by its name.
  const accounts = part.kind === "all" ? named.filter(({ enabled }) => enabled) : named;
  work.push(inTurn(accounts, async (account) => checkOne(account, config, ports, signal)));
  return (await Promise.all(work)).flat();
}

async function inTurn<T>(items: readonly T[], look: (item: T) => Promise<readonly Finding[]>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const item of items) findings.push(...(await look(item)));
  return findings;
}

async function checkOne(
  account: AccountConfig,
  config: Config,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { clock, timeouts } = ports;
  const { credentials, schedule, keep } = account;
  await using login = openCredentials(credentials, clock);
  const { connectMs, silenceMs, replyMs } = timeouts;
  const options = {
    ...boxOptions(account, login.sasl),
    timeouts: { ...defaultTimeouts, connectMs, greetingMs: silenceMs, commandMs: replyMs },
  };
  const toCheck: AccountToCheck = {
    ...account,
    ...loginWords(credentials),
    everyMs: schedule.kind === "every" ? Math.max(schedule.ms, account.minIntervalMs) : undefined,
    keepMs: keep.kind === "for" ? keep.ms : undefined,
    policy: account.policy.kind === "mailbox" ? { kind: "mailbox", domains: config.domains } : account.policy,
    connect: pop3Connect(options, { clock, randomBytes }),
    headers: boxHeaders,
  };
  return await checkAccount(toCheck, config.hostname, ports, signal);
}

function loginWords(credentials: Credentials): { readonly user: string; readonly passwordOrigin: string } {
  const origin = credentials.kind === "password" ? credentials.password : credentials.oauth.refreshToken;
  return { user: credentials.user, passwordOrigin: origin.origin };
}

async function exchange(config: Config, ports: DoctorPorts, signal: AbortSignal): Promise<readonly Finding[]> {
  const { host, port, tls, credentials } = config.exchange;
  const target = { host, port, tls, hostname: config.hostname };
  const toCheck = {
    ...target,
    user: credentials?.user,
    domains: config.domains,
    maxOctets: Math.max(0, ...config.accounts.map(({ maxOctets }) => maxOctets)),
    open: probeOf({ ...target, credentials }, ports.timeouts, ports.clock),
  };
  return checkExchange(toCheck, ports, signal);
}

async function relayOf(
  relay: RelayConfig,
  config: Config,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { name, host, port, tls, credentials, auth, envelopeFrom, rewrite } = relay;
  const target = { host, port, tls, hostname: config.hostname };
  const own = [...new Set(relay.senders.map((pattern) => senderOf(pattern, config)))];
  const toCheck = {
    ...target,
    name,
    user: credentials?.user,
    passwordOrigin: credentials === undefined ? "" : loginWords(credentials).passwordOrigin,
    senders: envelopeFrom === undefined ? own : rewrite.has("own") ? [envelopeFrom] : [envelopeFrom, ...own],
    nullSender: envelopeFrom === undefined || !rewrite.has("null"),
    maxOctets: config.listener?.maxOctets ?? 0,
    open: probeOf({ ...target, credentials, auth }, ports.timeouts, ports.clock),
  };
  return checkRelay(toCheck, ports, signal);
}

/** An address that the pattern is for. */
function senderOf(pattern: RelayConfig["senders"][number], { postmaster }: Config): string {
  switch (pattern.kind) {
    case "all":
      return postmaster;
    case "domain":
      return `postmaster@${pattern.domain}`;
    case "address":
      return pattern.address;
  }
}

function listenersOf({ listener, admin, hostname }: Config, isRunning: boolean): ListenerToCheck[] {
  const found: ListenerToCheck[] = [];
  if (listener !== undefined) {
    const plain = listener.listen.map((address) => ({ ...address, greets: true }));
    const implicit = listener.listenImplicit.map((address) => ({ ...address, greets: false }));
    const shared = { hostname, certFile: listener.tls?.certFile, hasUsers: listener.users.size > 0, isRunning };
    found.push({ about: "listener", addresses: [...plain, ...implicit], ...shared });
  }
  if (admin.web !== undefined) {
    const addresses = [{ ...admin.web.listen, greets: false }];
    // Without a certificate it listens on loopback only, which the configuration's check sees to.
    const shared = { hostname, certFile: admin.web.tls?.certFile, hasUsers: false, isRunning };
    found.push({ about: "web page", addresses, ...shared });
  }
  return found;
}

function hostOf({ hostname, file, spool, admin }: Config, isRunning: boolean, around: DoctorAround): HostToCheck {
  return {
    hostname,
    configFile: file,
    spoolDir: spool.dir,
    dataFile: path.join(spool.dir, dataFile),
    maxOctets: spool.maxOctets,
    minFreeOctets: spool.minFreeOctets,
    adminSocket: admin.socket,
    isRunning,
    uid: process.geteuid?.(),
    freeOctets: around.freeOctets ?? systemFreeOctets,
  };
}

async function systemFreeOctets(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

async function addressesOf(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => address))];
}

const socketMs = 2000;

/** Somebody answers at the admin socket. */
async function answers(socketPath: string, signal: AbortSignal): Promise<boolean> {
  using deadline = new Deadline(socketMs, signal);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(socketPath);
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  const onAbort = (): void => resolve(false);
  deadline.signal.addEventListener("abort", onAbort, { once: true });
  if (deadline.signal.aborted) onAbort();
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
