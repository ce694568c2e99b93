/**
 * Everything around popgate in a torture run: the provider's box, Exchange, the relay, the wires to all of them, the
 * process itself, and the mail that goes in. Who arrives where goes into the ledger.
 */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { AdminClient } from "../../src/cli/admin-client.ts";
import { startPop3StandIn, type Pop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { relaxedKnobs, type SmtpStandInKnobs } from "../../src/demo/smtp-stand-in-knobs.ts";
import type { Chance } from "./chance.ts";
import { Daemon } from "./daemon.ts";
import { handOver } from "./hand-over.ts";
import { Ledger } from "./ledger.ts";
import { arrivalOf, deadDomain, inboundMail, outboundMail, sender, type NumberedMail } from "./mail.ts";
import { openWire, type Wire } from "./wire.ts";

const boxUser = "sammel";
const boxPassword = "torture-box";
const relayUser = "firma";
const relayPassword = "torture-relay";
/** Of popgate to each target; at most so many deliveries can be under way when it is killed. */
const connections = { exchange: 3, relay: 2 } as const;
const startMs = 60_000;
const handOverMs = 60_000;

export type Target = keyof typeof connections;
type WireName = "pop3" | "listener" | Target;

export class World implements AsyncDisposable {
  readonly ledger = new Ledger();
  readonly chance: Chance;
  readonly #dir: string;
  readonly #own = new AsyncDisposableStack();
  readonly #signal: AbortSignal;
  #box: Pop3StandIn | undefined;
  readonly #targets = new Map<Target, SmtpStandIn>();
  readonly #wires = new Map<WireName, Wire>();
  #daemon: Daemon | undefined;
  /** Number of the process. */
  #run = 0;
  /** The first connections of each process. */
  readonly #begins: (Readonly<Record<Target, number>> & { readonly run: number })[] = [];
  #count = 0;
  /** Set while the target is about to take a message whose 250 is not to arrive. */
  readonly #losing = new Set<Target>();
  readonly #sending = new Set<Promise<void>>();
  #pieces = 0;
  #onPiece: (() => void) | undefined;
  #up = Promise.withResolvers<void>();

  constructor(dir: string, chance: Chance, signal: AbortSignal) {
    this.#dir = dir;
    this.chance = chance;
    this.#signal = signal;
  }

  get config(): string {
    return path.join(this.#dir, "popgate.toml");
  }

  get spool(): string {
    return path.join(this.#dir, "spool");
  }

  get box(): Pop3StandIn {
    if (this.#box === undefined) throw new TypeError("the world is not open");
    return this.#box;
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new TypeError("popgate does not run");
    return this.#daemon;
  }

  get client(): AdminClient {
    return new AdminClient({ socket: path.join(this.#dir, "admin.sock"), user: "local:torture", signal: this.#signal });
  }

  target(name: Target): SmtpStandIn {
    const found = this.#targets.get(name);
    if (found === undefined) throw new TypeError("the world is not open");
    return found;
  }

  wire(name: WireName): Wire {
    const found = this.#wires.get(name);
    if (found === undefined) throw new TypeError("the world is not open");
    return found;
  }

  async open(): Promise<void> {
    this.#box = this.#own.use(
      await startPop3StandIn({ accounts: [{ user: boxUser, password: boxPassword, messages: [] }] }),
    );
    await this.#openTarget("exchange", { hostname: "exchange.firma.example" });
    await this.#openTarget("relay", {
      hostname: "relay.provider.example",
      auth: ["CRAM-MD5"],
      users: new Map([[relayUser, relayPassword]]),
      authRequired: true,
    });
    const listener = await freePort();
    await this.#openWire("pop3", this.#box.port);
    await this.#openWire("listener", listener);
    await writeFile(this.config, this.#configText(listener));
    await writeFile(path.join(this.#dir, "box"), boxPassword, { mode: 0o600 });
    await writeFile(path.join(this.#dir, "relay"), relayPassword, { mode: 0o600 });
  }

  /** Starts popgate and waits until it listens. */
  async start(): Promise<void> {
    this.#run += 1;
    const next = (name: Target): number => this.target(name).connections.total + 1;
    this.#begins.push({ run: this.#run, exchange: next("exchange"), relay: next("relay") });
    const daemon = new Daemon(this.config, () => undefined);
    this.#daemon = daemon;
    const ready = AbortSignal.any([this.#signal, AbortSignal.timeout(startMs)]);
    const isUp = (await daemon.said("admin-listening", 1, ready)) && (await daemon.said("listening", 1, ready));
    if (!isUp) throw new Error(`popgate does not start: ${daemon.faults.join("\n")}`);
    this.#up.resolve();
  }

  async kill(): Promise<void> {
    this.#up = Promise.withResolvers();
    const { daemon } = this;
    await daemon.end("SIGKILL");
    this.#close(daemon, connections);
  }

  async stop(): Promise<void> {
    this.#up = Promise.withResolvers();
    const { daemon } = this;
    const status = await daemon.end("SIGTERM");
    if (status !== 0)
      this.ledger.problem(`process ${this.#run} ended with status ${String(status)} when it was stopped`);
    this.#close(daemon, {});
  }

  #close(daemon: Daemon, most: Readonly<Record<string, number>>): void {
    for (const fault of daemon.faults) this.ledger.problem(`process ${this.#run}: ${fault}`);
    this.ledger.ended(this.#run, daemon.written, most);
  }

  /** So many messages into the box, and so many to the listener, without waiting for it. */
  traffic(inbound: number, outbound: number): void {
    for (let n = 0; n < inbound; n++) {
      const mail = inboundMail(++this.#count, this.chance);
      this.ledger.put(mail);
      this.ledger.acknowledged(mail.number);
      this.box.box(boxUser).add(mail.raw);
    }
    for (let n = 0; n < outbound; n++) {
      const mail = outboundMail(++this.#count, this.chance);
      this.ledger.put(mail);
      const sending = this.#send(mail).finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
    }
  }

  /** Resolves when all of it has been handed to the listener, or may have been. */
  async handedOver(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  /** The next message that a target takes is taken, and its 250 does not arrive. To be called within its rule. */
  loseReply(target: Target): void {
    this.#losing.add(target);
  }

  /** Resolves after so many pieces on the wires, or when nothing has come for a while. */
  async pieces(count: number): Promise<void> {
    const until = this.#pieces + count;
    const patience = new AbortController();
    const reached = new Promise<void>((resolve) => {
      this.#onPiece = () => void (this.#pieces >= until && resolve());
    });
    await Promise.race([reached, after(1_200, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
    this.#onPiece = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon?.end("SIGKILL");
    await this.#own.disposeAsync();
  }

  async #openTarget(name: Target, knobs: Partial<SmtpStandInKnobs>): Promise<void> {
    const standIn = await startSmtpStandIn({
      knobs: { ...relaxedKnobs, ...knobs },
      onMessage: ({ recipients, raw, connection }) => {
        // What a killed process had sent can arrive after its end.
        const run = this.#begins.findLast((begin) => connection >= begin[name])?.run ?? 0;
        this.ledger.taken(name, recipients, arrivalOf(raw), run, this.#losing.delete(name));
      },
    });
    standIn.set({
      atRcpt: new Proxy(
        {},
        {
          get: (_, address) =>
            String(address).endsWith(`@${deadDomain}`) ? { do: "reply", line: "550 5.1.1 no such user" } : undefined,
        },
      ),
    });
    this.#targets.set(name, this.#own.use(standIn));
    await this.#openWire(name, standIn.port);
  }

  async #openWire(name: WireName, port: number): Promise<void> {
    const wire = await openWire(port, () => {
      this.#pieces += 1;
      this.#onPiece?.();
    });
    this.#wires.set(name, this.#own.use(wire));
  }

  async #send(mail: NumberedMail): Promise<void> {
    while (!this.#signal.aborted) {
      await this.#up.promise;
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(handOverMs)]);
      const result = await handOver(this.wire("listener").port, { from: sender, ...mail }, signal);
      if (result.kind === "acknowledged") return this.ledger.acknowledged(mail.number);
      if (result.kind === "doubtful") return this.ledger.doubtful(mail.number);
      if (result.kind === "refused") return this.ledger.problem(`${mail.number} was refused: ${result.why}`);
      await after(100, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }

  #configText(listener: number): string {
    return `hostname = "popgate.firma.example"
postmaster = "postmaster@firma.example"
domains = ["firma.example"]

[spool]
dir = "spool"

[exchange]
host = "127.0.0.1"
port = ${this.wire("exchange").port}
tls = "off"
connections = ${connections.exchange}
retry = ["1s"]

[listener]
listen = ["127.0.0.1:${listener}"]
allow = ["127.0.0.1/32"]

[[relay]]
name = "relay"
host = "127.0.0.1"
port = ${this.wire("relay").port}
tls = "off"
user = "${relayUser}"
password = { file = "relay" }
connections = ${connections.relay}
retry = ["1s"]

[[collector]]
name = "sammel"
host = "127.0.0.1"
port = ${this.wire("pop3").port}
tls = "off"
user = "${boxUser}"
password = { file = "box" }
every = "1s"
keep = "never"
profile = "exim"

[report]
language = "en"

[admin]
socket = "admin.sock"

[log]
level = "debug"
`;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new TypeError("no TCP port");
  return address.port;
}
