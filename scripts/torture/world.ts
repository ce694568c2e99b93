/**
 * popgate in a torture run: the process, its configuration, its disk and clock, the peers around it, and the mail that
 * goes in. Who arrives where goes into the ledger.
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { AdminClient, anyAnswer } from "../../src/cli/admin-client.ts";
import type { Chance } from "./chance.ts";
import { configText, underWay, usual, type Places, type Settings } from "./config-text.ts";
import { Daemon } from "./daemon.ts";
import { Disk, minFreeMiB } from "./disk.ts";
import { FakeClock } from "./fake-clock.ts";
import { handOver } from "./hand-over.ts";
import { Ledger } from "./ledger.ts";
import { arrivalOf, inboundMail, outboundMail, type MailWish, type NumberedMail } from "./mail.ts";
import { Peers, targets, type TargetName } from "./peers.ts";

/** On a machine that is busy with other things it takes long. */
const startMs = 240_000;
const handOverMs = 60_000;
/** When nothing passes for so long, nothing is waited for any more. */
const quietMs = 700;

export interface WorldOptions {
  /** The spool on a small disk of its own, where that is possible. */
  readonly smallDisk?: boolean;
  /** New mail in a box is fetched at once, not at the next poll. */
  readonly pollsAtOnce?: boolean;
  /** The clock that popgate sees can jump, where that is possible. */
  readonly fakeClock?: boolean;
  /** At the start, and at the end again. */
  readonly settings?: Settings;
  /** Of the process. */
  readonly environment?: Readonly<Record<string, string>>;
}

const usually = { smallDisk: true, pollsAtOnce: true, fakeClock: true, settings: usual, environment: {} };

export class World implements AsyncDisposable {
  readonly ledger = new Ledger();
  readonly chance: Chance;
  readonly peers: Peers;
  readonly clock: FakeClock;
  readonly #options: Required<WorldOptions>;
  readonly #dir: string;
  readonly #own = new AsyncDisposableStack();
  readonly #signal: AbortSignal;
  #disk: Disk | undefined;
  #places: Places | undefined;
  #daemon: Daemon | undefined;
  /** Number of the process. */
  #run = 0;
  /** The first connections of each process. */
  readonly #begins: (Readonly<Record<TargetName, number>> & { readonly run: number })[] = [];
  #count = 0;
  /** Set while the target is about to take a message whose 250 is not to arrive. */
  readonly #losing = new Set<TargetName>();
  readonly #sending = new Set<Promise<void>>();
  #pieces = 0;
  #onPiece: (() => void) | undefined;
  #acknowledged = Promise.withResolvers<void>();
  #isUp = false;
  /** Resolved when it comes up, or the run ends. */
  #up = Promise.withResolvers<void>();

  constructor(dir: string, chance: Chance, signal: AbortSignal, options: WorldOptions = {}) {
    this.#options = { ...usually, ...options };
    this.#dir = dir;
    this.chance = chance;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#up.resolve());
    this.clock = new FakeClock(path.join(dir, "clock"));
    this.peers = new Peers({
      onPiece: () => {
        this.#pieces += 1;
        this.#onPiece?.();
      },
      onMessage: (target, { recipients, raw, connection }) => {
        // What a killed process had sent can arrive after its end.
        const run = this.#begins.findLast((begin) => connection >= begin[target])?.run ?? 0;
        this.ledger.taken(target, recipients, arrivalOf(raw), run, this.#losing.delete(target));
      },
    });
  }

  get settings(): Settings {
    return this.#options.settings;
  }

  /** So many messages so far. */
  get count(): number {
    return this.#count;
  }

  get dir(): string {
    return this.#dir;
  }

  get config(): string {
    return path.join(this.#dir, "popgate.toml");
  }

  get disk(): Disk {
    if (this.#disk === undefined) throw new TypeError("the world is not open");
    return this.#disk;
  }

  get spool(): string {
    return path.join(this.disk.dir, "spool");
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new TypeError("popgate does not run");
    return this.#daemon;
  }

  get client(): AdminClient {
    return new AdminClient({ socket: path.join(this.#dir, "admin.sock"), user: "local:torture", signal: this.#signal });
  }

  async open(): Promise<void> {
    this.#disk = this.#own.use(await Disk.mount(path.join(this.#dir, "disk"), this.#options.smallDisk));
    this.#own.use(this.peers);
    await this.peers.open();
    this.#places = await this.peers.settle(this.#dir, this.spool, minFreeMiB);
    await this.configure(this.#options.settings);
    // What is compiled is kept by a process that ends by itself, and makes the starts after every kill short.
    await this.start();
    await this.stop();
  }

  /** Writes the configuration; popgate is not told. */
  async configure(settings: Settings): Promise<void> {
    await writeFile(this.config, this.textOf(settings));
  }

  textOf(settings: Settings): string {
    if (this.#places === undefined) throw new TypeError("the world is not open");
    return configText(settings, this.#places);
  }

  /** Starts popgate and waits until it listens. */
  async start(): Promise<void> {
    const daemon = this.launch();
    const ready = AbortSignal.any([this.#signal, AbortSignal.timeout(startMs)]);
    const isUp = (await daemon.said("admin-listening", 1, ready)) && (await daemon.said("listening", 1, ready));
    if (!isUp) throw new Error(`popgate does not start: ${daemon.faults.join("\n")}`);
    this.#isUp = true;
    this.#up.resolve();
  }

  /** Starts popgate and does not wait. */
  launch(): Daemon {
    this.#run += 1;
    const next = (name: TargetName): number => this.peers.target(name).connections.total + 1;
    this.#begins.push({ run: this.#run, exchange: next("exchange"), relay: next("relay"), zweit: next("zweit") });
    const { environment, fakeClock } = this.#options;
    const seen = { ...environment, ...(fakeClock ? this.clock.environment : {}) };
    const daemon = new Daemon(this.config, this.#dir, seen, ({ event }) => {
      if (event === "spool-recovered") this.poll();
    });
    this.#daemon = daemon;
    return daemon;
  }

  async kill(): Promise<void> {
    this.#down();
    const { daemon } = this;
    await daemon.end("SIGKILL");
    this.#close(daemon, underWay);
  }

  async stop(): Promise<void> {
    this.#down();
    const { daemon } = this;
    const status = await daemon.end("SIGTERM");
    if (status !== 0)
      this.ledger.problem(`process ${this.#run} ended with status ${String(status)} when it was stopped`);
    this.#close(daemon, {});
  }

  #down(): void {
    // Who waits already waits on.
    if (this.#isUp) this.#up = Promise.withResolvers();
    this.#isUp = false;
  }

  #close(daemon: Daemon, most: Readonly<Record<string, number>>): void {
    for (const fault of daemon.faults) this.ledger.problem(`process ${this.#run}: ${fault}`);
    this.ledger.ended(this.#run, daemon.written, most);
  }

  /** So many messages into the boxes, and so many to the listener, without waiting for it. */
  traffic(inbound: number, outbound: number, wish: MailWish = {}): void {
    for (let n = 0; n < inbound; n++) {
      const mail = inboundMail(++this.#count, this.chance, wish);
      this.ledger.put(mail);
      this.ledger.acknowledged(mail.number);
      if (mail.origin !== "listener") for (const copy of mail.copies) this.peers.put(mail.origin, copy);
    }
    if (inbound > 0 && this.#options.pollsAtOnce) this.poll();
    for (let n = 0; n < outbound; n++) {
      const mail = outboundMail(++this.#count, this.chance, wish);
      const ca = this.chance.next() < 0.5 ? this.peers.ca : undefined;
      this.ledger.put(mail);
      const sending = this.#send(mail, ca).finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
    }
  }

  /** Resolves when the listener has acknowledged one more message. */
  async acknowledged(): Promise<void> {
    await this.#acknowledged.promise;
  }

  /** Has the boxes looked at now rather than at the next second. Whether it hears of it does not matter. */
  poll(): void {
    void this.client.post(anyAnswer, "/v1/poll", {}).catch(() => undefined);
  }

  /** Resolves when all of it has been handed to the listener, or may have been. */
  async handedOver(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  /** The next message that a target takes is taken, and its 250 does not arrive. To be called within its rule. */
  loseReply(target: TargetName): void {
    this.#losing.add(target);
  }

  /** Resolves after so many pieces on the wires, or when nothing has come for a while. */
  async pieces(count: number): Promise<void> {
    const until = this.#pieces + count;
    const patience = new AbortController();
    const reached = new Promise<void>((resolve) => {
      this.#onPiece = () => void (this.#pieces >= until && resolve());
    });
    await Promise.race([reached, after(quietMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
    this.#onPiece = undefined;
  }

  /** Everybody behaves again, and there is room on the disk. */
  calm(): void {
    this.peers.calm();
    this.disk.free();
    for (const target of targets) this.#losing.delete(target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon?.end("SIGKILL");
    await this.#own.disposeAsync();
  }

  async #send(mail: NumberedMail, ca: string | undefined): Promise<void> {
    while (!this.#signal.aborted) {
      await this.#up.promise;
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(handOverMs)]);
      const result = await handOver(this.peers.wire("listener").port, mail, ca, signal);
      if (result.kind === "acknowledged") {
        this.ledger.acknowledged(mail.number);
        this.#acknowledged.resolve();
        this.#acknowledged = Promise.withResolvers();
        return;
      }
      if (result.kind === "doubtful") return this.ledger.doubtful(mail.number);
      if (result.kind === "refused") return this.ledger.problem(`${mail.number} was refused: ${result.why}`);
      await after(100, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }
}
