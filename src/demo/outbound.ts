/**
 * The demonstration's way out: two relays of a provider, with login, and the listener to which Exchange hands its mail.
 * Runs popgate until every message is where it must be, or nothing more can be expected.
 */
import type { App } from "../app/app.ts";
import type { Config } from "../config/config.ts";
import type { PopgateEvent } from "../core/events.ts";
import { systemClock } from "../runtime/clock.ts";
import type { DemoEvents } from "./demo-events.ts";
import { composeDemo } from "./messages.ts";
import { customers, type OutboundDemoMessage } from "./outbound-messages.ts";
import { relaxedKnobs } from "./smtp-stand-in-knobs.ts";
import { startSmtpStandIn, type SmtpStandIn } from "./smtp-stand-in.ts";
import { submit } from "./submit.ts";

export interface DemoRelays extends AsyncDisposable {
  readonly eins: SmtpStandIn;
  readonly zwei: SmtpStandIn;
}

const relayUser = "firma";
export const relayPassword = "demo-relay-password";
/** Much longer than it takes. */
const patienceMs = 20_000;

export async function startRelays(): Promise<DemoRelays> {
  await using stack = new AsyncDisposableStack();
  const start = async (name: string): Promise<SmtpStandIn> =>
    stack.use(
      await startSmtpStandIn({
        knobs: {
          ...relaxedKnobs,
          hostname: `${name}.provider.example`,
          // Without TLS popgate logs in only where the password is not shown.
          auth: ["CRAM-MD5"],
          users: new Map([[relayUser, relayPassword]]),
          authRequired: true,
          mailboxes: new Set(customers),
        },
      }),
    );
  const eins = await start("eins");
  const zwei = await start("zwei");
  const owned = stack.move();
  return { eins, zwei, [Symbol.asyncDispose]: async () => owned.disposeAsync() };
}

/** Lines of popgate.toml. The password lies in `relay-password`. */
export function relayLines({ eins, zwei }: DemoRelays): string {
  const relay = (name: string, port: number): string => `[[relay]]
name = "${name}"
host = "127.0.0.1"
port = ${port}
tls = "off"
user = "${relayUser}"
password = { file = "relay-password" }
`;
  return `[listener]
listen = ["127.0.0.1:25"]
allow = ["127.0.0.1/32"]

${relay("eins", eins.port)}
${relay("zwei", zwei.port)}`;
}

/** With the listener on a free port. */
export function onFreePort(config: Config): Config {
  const { listener } = config;
  return listener === undefined
    ? config
    : { ...config, listener: { ...listener, listen: [{ host: "127.0.0.1", port: 0 }] } };
}

/** The port that the listener was given, `undefined` before it is open. */
function portOf(events: readonly PopgateEvent[]): number | undefined {
  const opened = events.findLast((event) => event.kind === "listening");
  return opened === undefined ? undefined : Number(opened.address.split(":").at(-1));
}

export interface OutboundRun {
  readonly app: App;
  readonly events: DemoEvents;
  readonly relays: DemoRelays;
}

/** Hands the messages over as Exchange would, and stops popgate when all of them, and the reports of them, are done. */
export async function runOutbound(messages: readonly OutboundDemoMessage[], run: OutboundRun): Promise<void> {
  const { app, events, relays } = run;
  const patience = new AbortController();
  const ended = new AbortController();
  const waiting = systemClock.sleep(patienceMs, ended.signal).then(
    () => patience.abort(new Error("the demonstration takes too long")),
    () => undefined,
  );
  const stop = new AbortController();
  const running = app.run(stop.signal);
  // What it fails of is thrown below; there is nothing to be waited for any more.
  running.catch((error: unknown) => patience.abort(error));
  try {
    await events.until(() => portOf(events.all) !== undefined, patience.signal);
    for (const [index, message] of messages.entries()) {
      if (patience.signal.aborted) break;
      if (message.firstRelayIsAway) await relays.eins.close();
      const { from, rcpt } = message;
      await submit(portOf(events.all) ?? 0, { from, rcpt, raw: composeDemo(message) }, patience.signal);
      await events.until(() => isDone(events.all, index + 1), patience.signal);
    }
  } finally {
    ended.abort();
    stop.abort();
    await Promise.all([running, waiting]);
  }
}

/** So many messages have been submitted, and they and all reports of them are done. */
function isDone(events: readonly PopgateEvent[], count: number): boolean {
  const submitted = events.flatMap((event) => (event.kind === "submitted" ? [event.message] : []));
  const reports = events.flatMap((event) => (event.kind === "report-spooled" ? [event.message] : []));
  const done = new Set(events.flatMap((event) => (event.kind === "ended" ? [event.message] : [])));
  return submitted.length >= count && [...submitted, ...reports].every((id) => done.has(id));
}
