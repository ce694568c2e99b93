/** What the admin interface may ask of the running program, on the parts as they are at that moment. */
import type { Operations } from "../admin/port.ts";
import { explanationOf } from "../admin/explain.ts";
import { eitherOf, findMessages, searchMessages } from "../admin/search.ts";
import { detailOf, isHistory } from "../admin/view.ts";
import type { Finding, PollResult, ResolutionResult } from "../admin/schemas.ts";
import type { Config } from "../config/config.ts";
import { byImportance } from "../doctor/finding.ts";
import { parseAccountName, parseMessageId, type MessageId } from "../core/ids.ts";
import type { Clock } from "../core/ports.ts";
import type { PollReport } from "../inbound/report.ts";
import type { Resolution } from "../inbound/resolve.ts";
import { storedHeader } from "../inbound/stored-header.ts";
import { render } from "../message/render.ts";
import type { OwnedSpool } from "../spool/spool.ts";
import { eventMessage, type EventBus } from "./event-bus.ts";
import { doctor } from "./doctoring.ts";
import type { Live } from "./live.ts";
import { actOn } from "./message-actions.ts";
import type { Paused } from "./paused.ts";
import { resolveMail, type ResolvingChoice } from "./resolving.ts";
import type { HourlyStatistics } from "./statistics.ts";
import { statusOf, type Watch } from "./status.ts";
import type { AppPorts } from "./surroundings.ts";

export interface OperationsPorts extends AppPorts {
  readonly spool: OwnedSpool;
  readonly bus: EventBus;
  readonly paused: Paused;
  readonly watch: Watch;
  readonly statistics: HourlyStatistics;
  readonly config: () => Config;
  /** The parts that run now; `undefined` between two configurations. */
  readonly live: () => Live | undefined;
  readonly reload: Operations["reload"];
}

const dayMs = 86_400_000;
/** Of a header block so much is shown. */
const shownHeaderOctets = 256 * 1024;

export function createOperations(ports: OperationsPorts): Operations {
  const { spool, clock, bus } = ports;
  let isExamining = false;
  return {
    status: async () => statusOf(ports),
    statistics: async () => ports.statistics.page(),
    audit: async (signal) => spool.audit(signal),
    messages: async (filter, signal) => searchMessages(spool, filter, clock.now(), signal),
    async message(text) {
      const id = parseMessageId(text);
      const record = id === undefined ? undefined : await eitherOf(spool, id);
      if (record === undefined) return undefined;
      return detailOf(record, isHistory(record) ? "" : await headersOf(spool, record.id));
    },
    async explain(query, signal) {
      const historyMs = ports.config().spool.historyDays * dayMs;
      const records = await findMessages(spool, query, clock.now(), historyMs, signal);
      return records.map(explanationOf);
    },
    async raw(text, rendered) {
      const id = parseMessageId(text);
      const record = id === undefined ? undefined : await spool.load(id);
      if (record === undefined) return undefined;
      return rendered ? render(spool.body(record.id), record.edits) : spool.body(record.id);
    },
    act: async (ids, action, by) => actOn(ids, action, by, ports),
    async *resolve({ ids, dryRun }, _by, signal) {
      const accounts = ports.live()?.accounts;
      if (accounts === undefined) return;
      const choice: ResolvingChoice = { which: ids === undefined ? "all" : ids.flatMap(asIds), dryRun };
      for await (const resolution of resolveMail(accounts, spool, ports, choice, signal)) yield resolved(resolution);
    },
    async poll(name, _by, signal) {
      const loop = ports.live()?.accounts.loop;
      if (loop === undefined) return [];
      if (name === undefined)
        return Promise.all(loop.status().map(async (each) => polled(await loop.pollNow(each.name, signal), clock)));
      const account = parseAccountName(name);
      const report = account === undefined ? undefined : await loop.pollNow(account, signal);
      return report === undefined ? undefined : [polled(report, clock)];
    },
    async doctor(signal) {
      if (isExamining) return undefined;
      isExamining = true;
      try {
        return byImportance(await doctor(ports.config(), { kind: "all" }, ports, signal)).map(asFinding);
      } finally {
        isExamining = false;
      }
    },
    async pauseAccount(name, isPaused) {
      const account = parseAccountName(name);
      const known = ports.config().accounts.some((each) => each.name === name);
      if (account === undefined || !known) return false;
      await ports.paused.set("accounts", name, isPaused);
      const loop = ports.live()?.accounts.loop;
      if (isPaused) loop?.pause(account);
      else loop?.resume(account);
      return true;
    },
    async pauseDestination(name, isPaused) {
      const found = ports.live()?.destinations.find((each) => each.name === name || each.shortName === name);
      if (found === undefined) return false;
      await ports.paused.set("destinations", found.shortName, isPaused);
      found.stop(isPaused);
      return true;
    },
    reload: ports.reload,
    backup: async (dir) => spool.backup(dir),
    onEvent: (listener) => bus.onEvent((event) => listener(eventMessage(event, clock))),
  };
}

/** As text: what is not UTF-8 shows as U+FFFD. */
async function headersOf(spool: OwnedSpool, id: MessageId): Promise<string> {
  const { header } = await storedHeader(spool, id, shownHeaderOctets);
  const chunks: Buffer[] = [];
  let rest = Math.min(header.bodyStart, shownHeaderOctets);
  for await (const chunk of spool.body(id)) {
    chunks.push(chunk.subarray(0, rest));
    rest -= chunk.length;
    if (rest <= 0) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function asFinding({ id, severity, about, what, remedy, lines }: ReturnType<typeof byImportance>[number]): Finding {
  return {
    id,
    severity,
    about,
    what,
    ...(remedy === undefined ? {} : { remedy }),
    ...(lines === undefined ? {} : { lines: [...lines] }),
  };
}

function asIds(text: string): MessageId[] {
  const id = parseMessageId(text);
  return id === undefined ? [] : [id];
}

function resolved(resolution: Resolution): ResolutionResult {
  switch (resolution.kind) {
    case "released":
      return { ...resolution, recipients: [...resolution.recipients], detail: "released" };
    case "duplicate":
      return { ...resolution, detail: "a copy of what its recipients have been given" };
    case "held":
      return { id: resolution.id, kind: "held", detail: `${resolution.reason}: ${resolution.detail}` };
    case "skipped":
      return { id: resolution.id, kind: "skipped", detail: resolution.why };
  }
}

function polled(report: PollReport | undefined, clock: Clock): PollResult {
  if (report === undefined) return { account: "", kind: "not-polled", detail: "no such account" };
  const { account, kind } = report;
  switch (report.kind) {
    case "done":
      return {
        account,
        kind,
        detail: `${report.fetched} fetched, ${report.held} held, ${report.deleted} deleted, ${report.ms} ms`,
      };
    case "failed":
      return { account, kind, detail: `${report.failure}: ${report.detail}` };
    case "delayed":
      return {
        account,
        kind,
        detail: `the provider allows the next login in ${Math.ceil((report.until - clock.now()) / 1000)} s`,
      };
    case "not-polled":
      return { account, kind, detail: report.detail };
  }
}
