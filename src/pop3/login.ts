/**
 * From the greeting to the open box: CAPA, STLS, authentication, CAPA again (RFC 1939 §4 and §7, 2449, 2595, 5034).
 *
 * States: greeted → (STLS) → secured → (CAPA) → logged in → (CAPA). With TLS demanded, nothing of the account is sent
 * before `secured`; there is no way back. CAPA is a hint: it saves a try, and is left out when the last session's answer
 * is at hand.
 *
 * Fewest packets, for the poll that finds nothing: with known capabilities and PIPELINING the exchange is
 *
 *     S: greeting   C: USER PASS STAT   S: +OK +OK +OK 0 0   C: QUIT   S: +OK
 *
 * with each group in one write. RFC 2449 §6.6 names USER and PASS as an example of what may be batched, and has the
 * server process each command in turn. Nothing is sent along with AUTH: its reply may be a challenge.
 */
import { createHash } from "node:crypto";
import { upgrade, type DialTarget } from "../net/dial.ts";
import { assumedCapabilities, mergeCapabilities, parseCapabilities } from "./capabilities.ts";
import { refusal } from "./failure.ts";
import type { Pop3Options, Pop3Ports, ServerMemory } from "./options.ts";
import { type Capabilities, Pop3Error } from "./port.ts";
import { apopStamp, type Pop3Reply, statedKind } from "./reply.ts";
import { chooseMechanism } from "../sasl/choose.ts";
import { authenticate } from "./sasl-exchange.ts";
import type { Pop3Wire } from "./wire.ts";

export interface LoginTask {
  readonly wire: Pop3Wire;
  readonly options: Pop3Options;
  readonly ports: Pop3Ports;
  readonly memory: ServerMemory;
  readonly target: DialTarget;
  readonly signal: AbortSignal;
  readonly known: Capabilities | undefined;
  /** CAPA may be asked. */
  readonly mayAsk: boolean;
}

export interface LoggedIn {
  readonly capabilities: Capabilities;
  /** The reply to a STAT that has been sent already. */
  readonly stat: Promise<Pop3Reply> | undefined;
}

/** CAPA made the server hang up. The caller connects again and does not ask. */
export class CapaUnbearable extends Error {
  override readonly name = "CapaUnbearable";
}

/**
 * Commands in flight: 128 and more small messages for each round trip fill a long line. All of them together have less
 * than 4 kB, which the smallest buffers of TCP hold, so that they are under way though the server reads nothing while it
 * writes (RFC 2449 §6.6); and we never stop reading because of what we have to write.
 */
const pipelineWindow = 256;

/** Leads a fresh connection to an open box. Rejects with `Pop3Error`. */
export async function logIn(task: LoginTask): Promise<LoggedIn> {
  const { wire, options, signal, target } = task;
  const greeting = await wire.greeting();
  if (greeting.status !== "ok") throw refusal(greeting, "other", "the connection");
  if (options.tls.mode === "starttls" || options.tls.mode === "opportunistic") {
    const reply = await wire.command("STLS");
    if (reply.status !== "ok")
      throw new Pop3Error("permanent", `the server does not do STLS: ${reply.text}. Nothing secret was sent.`, {
        reply: reply.text,
      });
    await wire.secure((socket) => upgrade(socket, target, signal));
  }
  // After a hang-up at CAPA, what is known is only what was assumed.
  const known = task.memory.capa === "suspect" && task.mayAsk ? undefined : task.known;
  const before = known ?? (await askCapabilities(task));
  if (options.utf8 && before.utf8) await wire.command("UTF8");
  wire.window = windowOf(before, options);
  const { stat } = await prove(task, before, apopStamp(greeting));
  const after = known === undefined ? await askCapabilities(task) : assumedCapabilities;
  const capabilities = mergeCapabilities(before, after);
  wire.window = windowOf(capabilities, options);
  return { capabilities, stat };
}

function windowOf(capabilities: Capabilities, options: Pop3Options): number {
  return capabilities.pipelining && options.pipelining ? pipelineWindow : 1;
}

async function askCapabilities({ wire, memory, options, mayAsk }: LoginTask): Promise<Capabilities> {
  if (!mayAsk) return assumedCapabilities;
  const { listingOctets } = options.limits;
  try {
    const { reply, content } = await wire.collect("CAPA", listingOctets, listingOctets);
    memory.capa = "ask";
    return reply.status === "ok" ? parseCapabilities(content.toString("utf8").split(/\r?\n/u)) : assumedCapabilities;
  } catch (error) {
    if (wire.lost) throw new CapaUnbearable("the server hung up on CAPA", { cause: error });
    throw error;
  }
}

type Way = "user" | "apop" | "sasl";

/** Authenticates. A STAT may have gone along. */
async function prove(
  task: LoginTask,
  capabilities: Capabilities,
  stamp: string | undefined,
): Promise<Pick<LoggedIn, "stat">> {
  const ways = waysToTry(task, capabilities, stamp);
  let last: Pop3Error | undefined;
  for (const way of ways) {
    const attempt = await tryOne(task, capabilities, stamp, way);
    if (attempt.kind === "in") {
      task.memory.login = "good";
      if (way !== "apop" && ways.includes("apop")) task.memory.apop = false;
      return attempt;
    }
    last = attempt.error;
    if (!attempt.goOn) break;
  }
  throw last ?? new Pop3Error("permanent", `no way to log in: ${task.options.auth}`);
}

/** In the order of trying. More than one only where a refusal may mean that the server does not know the way. */
function waysToTry(task: LoginTask, capabilities: Capabilities, stamp: string | undefined): readonly Way[] {
  const { options, memory } = task;
  const auth = options.auth.toLowerCase();
  if (auth === "user" || auth === "apop") return [auth];
  if (auth !== "auto" || options.credentials.secret.kind === "oauth") return ["sasl"];
  if (options.tls.mode !== "off") return capabilities.sasl.length > 0 ? ["user", "sasl"] : ["user"];
  const challenge = capabilities.sasl.some((name) => /^(?:SCRAM-SHA-|CRAM-)/u.test(name));
  return [
    ...(challenge ? (["sasl"] as const) : []),
    ...(stamp !== undefined && memory.apop ? (["apop"] as const) : []),
    "user",
  ];
}

type Attempt =
  | { readonly kind: "in"; readonly stat: Promise<Pop3Reply> | undefined }
  /** `goOn`: this way was refused, perhaps not the credentials. */
  | { readonly kind: "out"; readonly error: Pop3Error; readonly goOn: boolean };

async function tryOne(
  task: LoginTask,
  capabilities: Capabilities,
  stamp: string | undefined,
  way: Way,
): Promise<Attempt> {
  try {
    if (way === "user") return await userPass(task);
    if (way === "apop") return await apop(task, stamp);
    return await sasl(task, capabilities);
  } catch (error) {
    const { wire, memory } = task;
    if (!wire.lost || !(error instanceof Pop3Error) || error.kind !== "connection") throw error;
    // Some servers answer a wrong password by hanging up. To take it for a broken line would lock the account in time.
    const trusted = memory.login === "good";
    memory.login = "hung-up";
    if (trusted) throw error;
    throw new Pop3Error("auth", "the server hung up when we logged in, as some do on a wrong password", {
      cause: error,
    });
  }
}

async function userPass({ wire, options, memory }: LoginTask): Promise<Attempt> {
  const { user } = options.credentials;
  const secret = await password(options);
  if (wire.window === 1) {
    const reply = await wire.command(`USER ${user}`);
    if (reply.status !== "ok") return { kind: "out", error: refusal(reply, "login", "USER"), goOn: unsure(reply) };
    const passed = await wire.command(`PASS ${secret}`);
    return passed.status === "ok"
      ? { kind: "in", stat: undefined }
      : { kind: "out", error: refusal(passed, "login", "the login"), goOn: false };
  }
  const named = wire.command(`USER ${user}`);
  const passing = wire.command(`PASS ${secret}`);
  const stat = memory.eager ? wire.command("STAT") : undefined;
  const reply = await named;
  const passed = await passing;
  if (passed.status === "ok") {
    return { kind: "in", stat };
  }
  // Before login STAT is refused, and its reply must not be taken for that of the next try.
  await stat;
  return reply.status === "ok"
    ? { kind: "out", error: refusal(passed, "login", "the login"), goOn: false }
    : { kind: "out", error: refusal(reply, "login", "USER"), goOn: unsure(reply) };
}

async function apop({ wire, options }: LoginTask, stamp: string | undefined): Promise<Attempt> {
  if (stamp === undefined)
    return {
      kind: "out",
      error: new Pop3Error("permanent", "the server's greeting has no stamp for APOP"),
      goOn: false,
    };
  const digest = createHash("md5")
    .update(stamp + (await password(options)))
    .digest("hex");
  const reply = await wire.command(`APOP ${options.credentials.user} ${digest}`);
  if (reply.status === "ok") return { kind: "in", stat: undefined };
  // Stamps are found in the greetings of servers that know no APOP, or have no clear-text password to check it with.
  return { kind: "out", error: refusal(reply, "login", "APOP"), goOn: unsure(reply) };
}

async function sasl(task: LoginTask, capabilities: Capabilities): Promise<Attempt> {
  const { wire, options, ports, signal } = task;
  const choice = {
    secured: options.tls.mode !== "off",
    mode: options.tls.mode,
    configured: options.auth,
    randomBytes: ports.randomBytes,
    host: options.host,
    port: options.port,
    signal,
  };
  for (let round = 0; ; round += 1) {
    const chosen = chooseMechanism(capabilities.sasl, options.credentials, choice);
    if (chosen.kind === "none") return { kind: "out", error: new Pop3Error("permanent", chosen.why), goOn: false };
    const { mechanism } = chosen;
    const reply = await authenticate(wire, mechanism, capabilities.sasl.includes(mechanism.name), signal);
    if (reply.status === "ok") return { kind: "in", stat: undefined };
    const what = `AUTH ${mechanism.name}${mechanism.complaint === undefined ? "" : ` (${mechanism.complaint})`}`;
    const error = refusal(reply, "login", what);
    const { secret } = options.credentials;
    // A token that has just run out is no reason to alarm anyone: one more try with a fresh one.
    if (secret.kind !== "oauth" || error.kind !== "auth" || round > 0)
      return { kind: "out", error, goOn: unsure(reply) };
    // A complaint inside the exchange has marked it already.
    if (mechanism.complaint === undefined) secret.invalidate();
  }
}

/** A refusal without a code might be of the way and not of the credentials. */
function unsure(reply: Pop3Reply): boolean {
  return reply.code === undefined && statedKind(reply) === undefined;
}

async function password({ credentials }: Pop3Options): Promise<string> {
  if (credentials.secret.kind === "password") return credentials.secret.read();
  throw new Pop3Error("permanent", "USER and APOP need a password, and the account has an OAuth token");
}
