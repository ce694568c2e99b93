/**
 * The composition root: makes the parts of popgate from a configuration and owns their lives.
 *
 * The spool lives as long as the app; accounts and destinations live as long as the configuration they were made from,
 * and are made anew when it is replaced. `run` and `runOnce` leave nothing running when they resolve: polling stops
 * first, then delivery, so that what has been taken in is not left half way.
 */
import type { Operations } from "../admin/port.ts";
import { createEventBus } from "./event-bus.ts";
import type { Live } from "./live.ts";
import { ListenerHost } from "./listening.ts";
import { openPaused, type Paused } from "./paused.ts";
import { HourlyStatistics } from "./statistics.ts";
import { together } from "./together.ts";
import { createWatch } from "./status.ts";
import { accountsOf, type OpenAccounts } from "./accounts.ts";
import { openDelivery, type OpenDelivery } from "./delivery.ts";
import type { OnceReport } from "./once.ts";
import type { AppPorts, PartSurroundings } from "./surroundings.ts";
import { resolveChanged, resolveMail, type ResolvingChoice } from "./resolving.ts";
import type { Config } from "../config/config.ts";
import type { PollReport } from "../inbound/report.ts";
import type { Resolution } from "../inbound/resolve.ts";
import type { EventSink } from "../core/events.ts";
import { TlsSessions } from "../net/tls-sessions.ts";
import type { Spool } from "../spool/port.ts";
import { packageVersion } from "../runtime/version.ts";
import { defaultSpoolOptions, openSpool } from "../spool/spool.ts";

export interface App extends AsyncDisposable {
  readonly spool: Spool;
  /** Opens the admin interface; it lasts until it is disposed. */
  admin(): Promise<AsyncDisposable>;
  /**
   * Until the signal is aborted. Can be called again, as after a reload. `stands` is told when polling and delivery run and
   * the listener has been opened; false: it could not be, and will be tried again.
   */
  run(signal: AbortSignal, stands?: (isListening: boolean) => void): Promise<void>;
  /** Polls each account once, delivers what is due, tells the postmaster of what is held. */
  runOnce(signal: AbortSignal): Promise<OnceReport>;
  /** Decides held mail again under the present configuration, while nothing else runs. */
  resolve(choice: ResolvingChoice, signal: AbortSignal): AsyncGenerator<Resolution>;
  /** Takes another configuration for the next `run`. Says why it cannot, if it cannot. */
  replaceConfig(config: Config): string | undefined;
}

/** Everything that is made from one configuration. */
interface Parts extends AsyncDisposable {
  readonly accounts: OpenAccounts;
  readonly delivery: OpenDelivery;
}

export interface AppOptions extends AppPorts {
  /** Reads the configuration again, when that is asked for over the admin interface. */
  readonly reload?: Operations["reload"];
  /** Aborted when the program is to stop: no new mail is taken from then on. */
  readonly stopping?: AbortSignal;
}

const never = new AbortController().signal;

/** Opens the spool. Rejects with `SpoolError` when it cannot be used. */
export async function openApp(
  first: Config,
  { reload = noReload, stopping = never, ...given }: AppOptions,
): Promise<App> {
  const { dir, maxOctets, minFreeOctets, historyDays } = first.spool;
  const bus = createEventBus(given.events);
  const ports: AppPorts = { ...given, events: bus };
  const watch = createWatch(ports.clock);
  bus.onEvent((event) => watch.note(event));
  const statistics = new HourlyStatistics(ports.clock);
  bus.onEvent((event) => statistics.note(event));
  // The spool outlives the notice desk of any one configuration, and its troubles are the postmaster's business too.
  const told: { sink: EventSink } = { sink: bus };
  const events: EventSink = { emit: (event) => told.sink.emit(event) };
  const options = { ...defaultSpoolOptions, dir, maxOctets, minFreeOctets, historyDays, program: packageVersion() };
  const spool = await openSpool(options, { ...ports, events });
  const sessions = new TlsSessions({ clock: ports.clock });
  const paused = await openPaused(spool);
  let present = first;
  let live: Live | undefined;
  const open = (): Parts => {
    const parts = openParts(present, { ...ports, spool, sessions }, paused);
    told.sink = parts.delivery.watch(ports.events);
    const { accounts, delivery } = parts;
    live = {
      accounts,
      destinations: delivery.destinations,
      destinationFor: (record, recipient) =>
        record.direction === "inbound"
          ? delivery.destinations[0]?.name
          : delivery.outbound.destinationFor(record, recipient),
    };
    return { ...parts, [Symbol.asyncDispose]: async () => ((live = undefined), parts[Symbol.asyncDispose]()) };
  };
  const listener = new ListenerHost({ ...ports, spool }, events, stopping);
  const config = (): Config => present;
  return {
    spool,
    async admin() {
      // Loaded by the daemon alone: it is a large part of the program's start, and one round has no use for it.
      const [{ createOperations }, { openAdmin }] = await Promise.all([
        import("./operations.ts"),
        import("./admin.ts"),
      ]);
      const state = { spool, bus, paused, watch, statistics, reload, live: () => live };
      return openAdmin(createOperations({ ...ports, ...state, config }), { ...ports, bus, config });
    },
    async run(signal, stands) {
      await listener.load();
      await using parts = open();
      await resolveChanged(parts.accounts, spool, ports, signal);
      await together(
        signal,
        async (either) => runParts(parts, either),
        async (either) => listener.run(present, parts.delivery.outbound, either, stands),
        async (either) => statistics.watchQueue(spool, either),
      );
    },
    async runOnce(signal) {
      await using parts = open();
      await resolveChanged(parts.accounts, spool, ports, signal);
      return await runPartsOnce(parts, spool, ports, signal);
    },
    async *resolve(choice, signal) {
      await using parts = open();
      yield* resolveMail(parts.accounts, spool, ports, choice, signal);
    },
    replaceConfig(next) {
      if (next.spool.dir !== present.spool.dir) return "spool.dir can only be changed by stopping and starting popgate";
      if (next.admin.socket !== present.admin.socket)
        return "admin.socket can only be changed by stopping and starting popgate";
      if (whereOf(next) !== whereOf(present))
        return "admin.web.listen and admin.web.tls can only be changed by stopping and starting popgate";
      present = next;
      return undefined;
    },
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]();
      await spool[Symbol.asyncDispose]();
    },
  };
}

/** Where the web page listens, and with which certificate, as one text. */
function whereOf({ admin: { web } }: Config): string {
  return JSON.stringify(web === undefined ? [] : [web.listen, web.tls ?? "off"]);
}

async function noReload(): ReturnType<Operations["reload"]> {
  return { kind: "refused", errors: ["this popgate does not run as a daemon"] };
}

function openParts(config: Config, around: PartSurroundings, paused: Paused): Parts {
  const stack = new AsyncDisposableStack();
  const delivery = stack.use(openDelivery(config, around));
  const accounts = stack.use(accountsOf(config, { ...around, events: delivery.watch(around.events) }));
  for (const { name } of accounts.all) if (paused.accounts.has(name)) accounts.loop.pause(name);
  for (const each of delivery.destinations) each.stop(paused.destinations.has(each.shortName));
  return { accounts, delivery, [Symbol.asyncDispose]: async () => stack.disposeAsync() };
}

async function runParts({ accounts, delivery }: Parts, signal: AbortSignal): Promise<void> {
  const stopDelivery = new AbortController();
  const poll = async (either: AbortSignal): Promise<void> => {
    try {
      await accounts.loop.run(either);
      // With no account at all there is still mail to deliver.
      if (!either.aborted) await aborted(either);
    } finally {
      stopDelivery.abort(either.reason);
    }
  };
  // Delivery ends after polling, so that what has been taken in is not left half way.
  await together(signal, poll, async () => delivery.run(stopDelivery.signal));
}

async function runPartsOnce(parts: Parts, spool: Spool, ports: AppPorts, signal: AbortSignal): Promise<OnceReport> {
  const { accounts, delivery } = parts;
  // Delivery runs beside the polls, so that a large box does not have to fit into the spool first.
  const polled = new AbortController();
  const delivering = delivery.deliver(AbortSignal.any([signal, polled.signal]), signal);
  let polls: PollReport[];
  try {
    polls = await accounts.loop.pollOnce(undefined, signal);
    // What `profile = "auto"` has learnt may decide what was held while it was not known.
    await resolveChanged(accounts, spool, ports, signal);
  } finally {
    polled.abort();
    await delivering;
  }
  await delivery.drain(signal);
  await delivery.tellPostmaster(signal);
  await delivery.drain(signal);
  const left = polls.reduce((sum, poll) => sum + ("unfetchable" in poll ? poll.unfetchable : 0), 0);
  return { polls, counts: spool.counts(), left };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
}
