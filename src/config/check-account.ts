/** What the keys of one `[[collector]]` or `[[mailbox]]` must mean together, and those of all of them. */
import { Cron } from "croner";
import { checkEnvelope } from "./check-envelope.ts";
import { checkLocal } from "./check-general.ts";
import { checkLogin } from "./check-login.ts";
import { checkTls } from "./check-tls.ts";
import { textOf } from "./failure.ts";
import type { Findings } from "./findings.ts";
import type { KeyPath } from "./key-path.ts";
import { defaultPollMs } from "./resolve-account.ts";
import type { Draft, DraftCollector, DraftMailbox } from "./schema.ts";

const minuteMs = 60_000;
const tenYearsMs = 3650 * 86_400_000;

export function checkAccounts(draft: Draft, complete: boolean, findings: Findings): void {
  const collectors = draft.collector ?? [];
  const mailboxes = draft.mailbox ?? [];
  for (const [index, collector] of collectors.entries()) {
    const at = ["collector", index];
    checkConnection(collector, at, draft, findings);
    checkEnvelope(collector, at, draft, findings);
  }
  for (const [index, mailbox] of mailboxes.entries()) {
    const at = ["mailbox", index];
    checkConnection(mailbox, at, draft, findings);
    for (const [place, address] of (mailbox.deliver_to ?? []).entries())
      checkLocal(address, draft.domains, [...at, "deliver_to", place], findings);
  }
  const all: readonly Placed[] = [
    ...collectors.map((account, index) => ({ account, at: ["collector", index] })),
    ...mailboxes.map((account, index) => ({ account, at: ["mailbox", index] })),
  ];
  checkNames(all, findings);
  checkSameBox(all, findings);
  if (!complete) return;
  if (all.length === 0 && draft.listener === undefined)
    findings.error(
      [],
      "there is neither a [[collector]] nor a [[mailbox]]",
      "Add the box that mail is to be fetched from",
    );
  else if (all.length > 0 && all.every(({ account }) => account.enabled === false))
    findings.warn([], "every account is switched off, so no mail is fetched", "Set enabled = true");
}

interface Placed {
  readonly account: DraftCollector | DraftMailbox;
  readonly at: KeyPath;
}

function checkNames(all: readonly Placed[], findings: Findings): void {
  const seen = new Map<string, KeyPath>();
  for (const { account, at } of all) {
    if (account.name === undefined) continue;
    const key = account.name.toLowerCase();
    const earlier = seen.get(key);
    if (earlier !== undefined)
      findings.error(
        [...at, "name"],
        `"${account.name}" is the name of another account (line ${findings.lineOf([...earlier, "name"])})`,
        "Every account needs a name of its own: what was fetched is remembered under it",
      );
    else seen.set(key, at);
  }
}

function checkSameBox(all: readonly Placed[], findings: Findings): void {
  const seen = new Map<string, KeyPath>();
  for (const { account, at } of all) {
    if (account.host === undefined || account.user === undefined || account.enabled === false) continue;
    const key = `${account.user}\n${account.host}`;
    const earlier = seen.get(key);
    if (earlier !== undefined)
      findings.error(
        [...at, "user"],
        `the box of ${account.user} at ${account.host} is polled already (line ${findings.lineOf([...earlier, "user"])})`,
        "Two accounts would take each other's mail away: remove one, or set enabled = false",
      );
    else seen.set(key, at);
  }
}

function checkConnection(account: DraftCollector | DraftMailbox, at: KeyPath, draft: Draft, findings: Findings): void {
  checkTls(account, at, findings);
  checkLogin(account, at, findings);
  checkTimes(account, at, findings);
  const { max_size, keep } = account;
  if (max_size !== undefined && draft.spool !== undefined && max_size > draft.spool.max_size)
    findings.error(
      [...at, "max_size"],
      "a message of this size does not fit into the spool",
      "Lower it, or raise spool.max_size",
    );
  if (keep?.kind === "for") {
    const poll = account.every ?? defaultPollMs;
    if (keep.ms > tenYearsMs) findings.error([...at, "keep"], "longer than ten years", 'Write keep = "forever"');
    else if (account.cron === undefined && keep.ms < poll)
      findings.warn(
        [...at, "keep"],
        "shorter than the time between two polls",
        "Mail stays until the next poll anyway",
      );
  }
  if (account.timeout !== undefined && account.timeout < 5000)
    findings.error([...at, "timeout"], "less than 5 seconds breaks off healthy sessions", 'Write, for example, "60s"');
}

function checkTimes(account: DraftCollector | DraftMailbox, at: KeyPath, findings: Findings): void {
  const { every, cron, min_interval: least } = account;
  if (every !== undefined && cron !== undefined)
    findings.error([...at, "cron"], "every and cron exclude each other", "Remove one of the two", "key");
  if (every !== undefined && every < 1000)
    findings.error([...at, "every"], "polls must be at least a second apart", 'Write, for example, "5m"');
  else if (every !== undefined && every < minuteMs)
    findings.warn(
      [...at, "every"],
      "more than one poll a minute: many providers lock such accounts",
      'Write, for example, "5m"',
    );
  if (every !== undefined && least !== undefined && every < least)
    findings.warn([...at, "every"], "shorter than min_interval, which wins", "Set both to the same");
  if (cron !== undefined) {
    const why = cronFault(cron);
    if (why !== undefined)
      findings.error(
        [...at, "cron"],
        why,
        'Five fields: minute, hour, day, month, weekday, such as "*/10 7-19 * * MON-FRI"',
      );
  }
}

function cronFault(pattern: string): string | undefined {
  try {
    const cron = new Cron(pattern, { paused: true, mode: "5-part" });
    return cron.nextRun() === null ? `"${pattern}" never comes` : undefined;
  } catch (error) {
    return `"${pattern}" is not a cron pattern: ${textOf(error).replace(/^CronPattern: /u, "")}`;
  }
}
