/**
 * The listener over the life of the program: it stays open while a changed configuration takes the place of another one,
 * so that no client is turned away by a reload. Only other addresses, another certificate or other times open it anew.
 *
 *   attach(parts of a configuration) ─▶ run ─▶ (reload) ─▶ attach ─▶ run … ─▶ dispose
 *
 * Between two configurations mail is taken under the rules of the last one. A listener that cannot be opened is tried
 * again from time to time, and does not keep the rest of the program from its work.
 */
import { isDeepStrictEqual } from "node:util";
import type { Config, ListenerConfig } from "../config/config.ts";
import type { EventSink } from "../core/events.ts";
import type { OutboundDelivery } from "../delivery/outbound-delivery.ts";
import { createBackPressure, defaultRelayTroubleMs } from "../outbound/back-pressure.ts";
import { createGatekeeper } from "../outbound/gatekeeper.ts";
import type { Gatekeeper, Receiver } from "../outbound/port.ts";
import { createReceiver, defaultMaxHeaderOctets } from "../outbound/receiver.ts";
import type { Listener, ListenerOptions } from "../outbound/smtp-listener.ts";
import type { AppPorts } from "./surroundings.ts";
import type { Spool } from "../spool/port.ts";
import { together } from "./together.ts";

/** How long messages that are under way may take when the program stops. */
const graceMs = 15_000;
const openAgainMs = 30_000;

interface Rules {
  readonly gatekeeper: Gatekeeper;
  readonly receiver: Receiver;
  /** Looks at the queue and the relays until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export class ListenerHost implements AsyncDisposable {
  readonly #ports: AppPorts & { readonly spool: Spool };
  readonly #events: EventSink;
  #rules: Rules | undefined;
  #open: { readonly listener: Listener; readonly options: ListenerOptions } | undefined;
  #end: Promise<void> | undefined;
  #turn: Promise<void> = Promise.resolve();

  /** `stopping`: no new mail is taken from when it is aborted. */
  constructor(ports: AppPorts & { readonly spool: Spool }, events: EventSink, stopping: AbortSignal) {
    this.#ports = ports;
    this.#events = events;
    // A failure is for the disposal, which waits for the same end.
    stopping.addEventListener("abort", () => void this.#close().catch(() => undefined), { once: true });
  }

  /**
   * Takes mail by the rules of this configuration until the signal is aborted, and goes on by them until the next.
   * `tried` is told once what became of the first attempt to open it; true where no listener is configured.
   */
  async run(
    config: Config,
    outbound: OutboundDelivery,
    signal: AbortSignal,
    tried: (isOpen: boolean) => void = () => undefined,
  ): Promise<void> {
    const { listener } = config;
    // Without one, clients that are still connected go by the old rules until they are disconnected below.
    const rules = listener === undefined ? undefined : this.#rulesOf(config, listener, outbound);
    this.#rules = rules ?? this.#rules;
    await together(
      signal,
      async (either) => rules?.run(either),
      async (either) => {
        if (either.aborted) return;
        let isOpen = await this.#adapt(config);
        if (!either.aborted) tried(isOpen);
        while (!either.aborted && !isOpen) {
          await this.#ports.clock.sleep(openAgainMs, either).catch(() => undefined);
          if (!either.aborted) isOpen = await this.#adapt(config);
        }
      },
    );
  }

  /**
   * Loads what a listener needs, configured or not. One round does not call this: it takes no mail. In the daemon a reload may bring one after an upgrade of the package has put other
   * files in the place of those that run.
   */
  async load(): Promise<void> {
    await import("../outbound/smtp-listener.ts");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  /** False when the listener could not be opened. */
  async #adapt(config: Config): Promise<boolean> {
    let isDone = true;
    await this.#inTurn(async () => {
      const wanted = optionsOf(config);
      if (this.#open !== undefined && isDeepStrictEqual(wanted, this.#open.options)) return;
      await this.#closeOpen();
      if (wanted !== undefined && this.#end === undefined) isDone = await this.#openWith(wanted);
    });
    return isDone;
  }

  async #openWith(options: ListenerOptions): Promise<boolean> {
    const rules = (): Rules => {
      if (this.#rules === undefined) throw new TypeError("a listener without rules");
      return this.#rules;
    };
    const { ListenerFailed, openListener } = await import("../outbound/smtp-listener.ts");
    try {
      const listener = await openListener(options, {
        clock: this.#ports.clock,
        events: this.#events,
        gatekeeper: { admit: (client) => rules().gatekeeper.admit(client) },
        receiver: {
          pressure: () => rules().receiver.pressure(),
          maxOctets: () => rules().receiver.maxOctets(),
          keepsRequireTls: () => rules().receiver.keepsRequireTls?.() ?? true,
          receive: async (...mail) => rules().receiver.receive(...mail),
        },
      });
      this.#open = { listener, options };
      return true;
    } catch (error) {
      // It has been told as an event.
      if (error instanceof ListenerFailed) return false;
      throw error;
    }
  }

  /** Once and for all. */
  async #close(): Promise<void> {
    this.#end ??= this.#inTurn(async () => this.#closeOpen());
    await this.#end;
  }

  async #closeOpen(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.listener[Symbol.asyncDispose]();
  }

  async #inTurn(step: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(step);
    this.#turn = mine.catch(() => undefined);
    await mine;
  }

  #rulesOf(config: Config, listener: ListenerConfig, outbound: OutboundDelivery): Rules {
    const { clock, spool } = this.#ports;
    const events = this.#events;
    const pressure = createBackPressure(
      { queueAgeLimitMs: listener.queueAgeLimitMs, relayTroubleMs: defaultRelayTroubleMs },
      {
        spool,
        clock,
        events,
        relayTrouble: () => outbound.relayTrouble(),
        lastDelivery: () => outbound.lastDelivery(),
      },
    );
    const receiver = createReceiver(
      { hostname: config.hostname, maxOctets: listener.maxOctets, maxHeaderOctets: defaultMaxHeaderOctets },
      {
        spool,
        clock,
        events,
        pressure: () => pressure.verdict(),
        maxRelayOctets: () => outbound.maxOctets(),
        keepsRequireTls: () => outbound.keepsRequireTls(),
      },
    );
    const gatekeeper = createGatekeeper(
      { ...listener, tls: listener.tls !== undefined, maxOctets: () => receiver.maxOctets() },
      { clock, events },
    );
    return { gatekeeper, receiver, run: async (signal) => pressure.run(signal) };
  }
}

function optionsOf({ listener, hostname, postmaster }: Config): ListenerOptions | undefined {
  if (listener === undefined) return undefined;
  const { listen, listenImplicit, tls, idleMs, sessionMs, connections } = listener;
  return { hostname, postmaster, listen, listenImplicit, tls, idleMs, sessionMs, graceMs, connections };
}
