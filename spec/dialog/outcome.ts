/**
 * The client's part of a dialogue: the real client does what the file asks for, and what came of it is written down in
 * lines that the file foretells.
 *
 *     login                              the box is open (left out unless the file says `login` in `do`)
 *     login delay 300 expire 30          what CAPA said, for `capa`
 *     list 1:120:abc 2:?:?               number, size and unique id; `?` for what is not known
 *     1 message "octets"                 a whole message; long ones as their length
 *     1 refused | 1 refused temporary    RETR was answered -ERR
 *     1 top "octets" | 1 top none
 *     1 deleted | 1 not deleted
 *     quit confirmed | quit unconfirmed
 *     error kind: words                  Pop3Error, where it ended; nothing is done after it
 */
import { randomBytes } from "node:crypto";
import type { TlsMode } from "../../src/net/tls-policy.ts";
import { pop3Connect } from "../../src/pop3/connect.ts";
import { assumedCapabilities } from "../../src/pop3/capabilities.ts";
import { defaultLimits, type Pop3Options } from "../../src/pop3/options.ts";
import { type Capabilities, type Pop3Box, Pop3Error, type Retrieval } from "../../src/pop3/port.ts";
import type { SaslCredentials } from "../../src/sasl/choose.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { certificates } from "../fakes/certificates.ts";

const longestShown = 300;

/** Settings as they stand in a dialogue's head; all have defaults. */
function optionsFrom(settings: ReadonlyMap<string, string>, port: number): Pop3Options {
  const ms = Number(settings.get("timeout") ?? 10_000);
  const [kind = "password", ...tokens] = (settings.get("secret") ?? "password secret").split(" ");
  const secret: SaslCredentials["secret"] =
    kind === "oauth"
      ? { kind: "oauth", token: () => Promise.resolve(tokens[0] ?? ""), invalidate: () => void tokens.shift() }
      : { kind: "password", read: () => Promise.resolve(tokens.join(" ")) };
  return {
    host: "127.0.0.1",
    port,
    tls: {
      mode: (settings.get("tls") ?? "off") as TlsMode,
      ca: [certificates().ca.cert],
      fingerprints: [],
      minVersion: "TLSv1.2",
      servername: undefined,
    },
    credentials: { user: settings.get("user") ?? "tester", secret },
    auth: settings.get("auth") ?? "user",
    limits: {
      ...defaultLimits,
      lineOctets: Number(settings.get("line-limit") ?? defaultLimits.lineOctets),
      listingOctets: Number(settings.get("listing-limit") ?? defaultLimits.listingOctets),
      messageOctets: Number(settings.get("message-limit") ?? defaultLimits.messageOctets),
    },
    timeouts: { connectMs: 10_000, greetingMs: ms, commandMs: ms, dataMs: ms },
    pipelining: settings.get("pipelining") !== "no",
    needUidl: settings.get("need-uidl") !== "no",
    utf8: settings.get("utf8") === "yes",
  };
}

/** `known: nothing` for a server without CAPA, or the names of what it can do. */
function knownFrom(text: string | undefined): Capabilities | undefined {
  if (text === undefined) return undefined;
  if (text === "nothing") return assumedCapabilities;
  const names = new Set(text.split(" "));
  return {
    ...assumedCapabilities,
    announced: true,
    pipelining: names.has("pipelining"),
    top: names.has("top"),
    utf8: names.has("utf8"),
    sasl: [...names].filter((name) => name === name.toUpperCase()),
  };
}

/** Does what the settings ask for, with nonces that are always the same. */
export async function act(settings: ReadonlyMap<string, string>, port: number): Promise<readonly string[]> {
  const outcome: string[] = [];
  const nonce = settings.get("nonce");
  const bytes = (octets: number) => (nonce === undefined ? randomBytes(octets) : Buffer.from(nonce, "base64"));
  const connect = pop3Connect(optionsFrom(settings, port), { clock: systemClock, randomBytes: bytes });
  try {
    await using box = await connect(new AbortController().signal, knownFrom(settings.get("known")));
    for (const order of (settings.get("do") ?? "drain; quit").split(";")) await perform(box, order.trim(), outcome);
  } catch (error) {
    if (!(error instanceof Pop3Error)) throw error;
    outcome.push(`error ${error.kind}: ${error.message}`);
    if (error.retryAfterMs !== undefined) outcome.push(`retry after ${error.retryAfterMs} ms`);
  }
  return outcome;
}

async function perform(box: Pop3Box, order: string, outcome: string[]): Promise<void> {
  const [verb, ...rest] = order.split(" ");
  const numbers = rest.map(Number);
  const [number = 0, lines = 0, max = 10_000] = numbers;
  switch (verb) {
    case "login":
      outcome.push("login");
      return;
    case "capa": {
      const { loginDelaySeconds, expire } = box.capabilities;
      outcome.push(`login delay ${loginDelaySeconds} expire ${expire?.kind === "days" ? expire.days : expire?.kind}`);
      return;
    }
    case "list":
      await list(box, outcome);
      return;
    case "retr":
      await retrieve(box, numbers, outcome);
      return;
    case "top": {
      const head = await box.top(number, lines, max);
      outcome.push(`${number} top ${head === undefined ? "none" : shown(head)}`);
      return;
    }
    case "dele":
      outcome.push(`${number} ${(await box.delete(number)) ? "deleted" : "not deleted"}`);
      return;
    case "noop":
      await box.noop();
      return;
    case "rset":
      await box.reset();
      return;
    case "quit":
      outcome.push(`quit ${(await box.quit()).confirmed ? "confirmed" : "unconfirmed"}`);
      return;
    case "drain":
      for (const one of await list(box, outcome)) {
        const whole = await retrieve(box, [one], outcome);
        if (whole) outcome.push(`${one} ${(await box.delete(one)) ? "deleted" : "not deleted"}`);
      }
      return;
    default:
      throw new Error(`a dialogue cannot ask for ${order}`);
  }
}

async function list(box: Pop3Box, outcome: string[]): Promise<readonly number[]> {
  const { messages, hasUidl } = await box.list();
  const items = messages.map(({ number, size, uidl }) => `${number}:${size ?? "?"}:${uidl ?? "?"}`);
  outcome.push(["list", ...items, ...(hasUidl || messages.length === 0 ? [] : ["without UIDL"])].join(" "));
  return messages.map(({ number }) => number);
}

/** Asks for all at once, then reads one after the other. True when the last one came whole. */
async function retrieve(box: Pop3Box, numbers: readonly number[], outcome: string[]): Promise<boolean> {
  const replies: Promise<Retrieval>[] = numbers.map((number) => box.retrieve(number));
  for (const reply of replies) reply.catch(() => undefined);
  let whole = false;
  for (const [index, reply] of replies.entries()) {
    const retrieval = await reply;
    whole = retrieval.kind === "message";
    if (retrieval.kind === "refused") {
      outcome.push(`${numbers[index]} refused${retrieval.temporary ? " temporary" : ""}`);
      continue;
    }
    const slices: Buffer[] = [];
    for await (const slice of retrieval.body) slices.push(slice);
    outcome.push(`${numbers[index]} message ${shown(Buffer.concat(slices))}`);
  }
  return whole;
}

function shown(octets: Buffer): string {
  return octets.length > longestShown ? `of ${octets.length} octets` : JSON.stringify(octets.toString("latin1"));
}
