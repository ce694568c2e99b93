/**
 * `popgate audit`: every message that was taken, and what it has come to; of the running daemon, or of a spool that none
 * uses. What does not add up is named by queue id.
 */
import * as schema from "../admin/schemas.ts";
import type { Audit } from "../admin/schemas.ts";
import { auditSpool } from "../spool/audit.ts";
import { SpoolError } from "../spool/port.ts";
import { longMs } from "./admin-client.ts";
import type { Asking, Surroundings } from "./asking.ts";
import { exitStatus } from "./exit-status.ts";
import { Progress } from "./progress.ts";
import { Screen, styled } from "./screen.ts";

/** Resolves with the exit status. */
export async function runAudit({ client, screen, aside, json }: Asking): Promise<number> {
  using progress = new Progress({ screen: aside, isWanted: !json });
  const asked = client.get(schema.audit, "/v1/audit", {}, longMs);
  const audit = await progress.during(asked, () => "the daemon looks at queue and history");
  return shown(audit, json, screen);
}

/** The same on a spool that no daemon uses. */
export async function runAuditOffline(dir: string, json: boolean, around: Surroundings): Promise<number> {
  try {
    return shown(await auditShown(dir, json, around), json, new Screen(around.stdout, around.env));
  } catch (error) {
    if (around.signal.aborted) return exitStatus.ok;
    if (!(error instanceof SpoolError)) throw error;
    around.stderr.write(`popgate: ${error.message}\n`);
    return exitStatus.failed;
  }
}

async function auditShown(dir: string, json: boolean, { stderr, env, signal }: Surroundings): Promise<Audit> {
  const remarked = (remark: string): unknown => stderr.write(`${remark}\n`);
  using progress = new Progress({ screen: new Screen(stderr, env), isWanted: !json });
  return await auditSpool(dir, signal, remarked, progress.counted);
}

function shown(audit: Audit, json: boolean, screen: Screen): number {
  if (json) screen.json(audit);
  else show(audit, screen);
  return audit.wrong === 0 ? exitStatus.ok : exitStatus.findings;
}

function show(audit: Audit, screen: Screen): void {
  screen.table(
    [
      { title: "WAY" },
      { title: "FROM", least: 12 },
      { title: "IN", align: "right" },
      { title: "OPEN", align: "right" },
      { title: "ENDED", align: "right" },
    ],
    [...audit.ways, { direction: "all", origin: "", ...audit }].map(({ direction, origin, messages, open, ended }) => [
      direction,
      origin,
      String(messages),
      String(open),
      String(ended),
    ]),
  );
  screen.print();
  for (const line of sentences(audit)) screen.paragraph(0, line);
  screen.print();
  for (const { id, detail } of audit.inconsistencies)
    screen.print(styled("bad", id === "" ? "the spool" : id), `: ${detail}`);
  if (audit.wrong > audit.inconsistencies.length)
    screen.print(`and ${audit.wrong - audit.inconsistencies.length} more of them`);
  if (audit.wrong === 0) screen.print(styled("good", "every message is accounted for"));
  else screen.print(styled("bad", `${audit.wrong} thing(s) do not add up`), "; popgate verify looks at bodies as well");
}

function sentences({ recipients, undecided, failures, reports, droppedBy, forgotten, steady }: Audit): string[] {
  const states = Object.entries(recipients).map(([state, count]) => `${count} ${state}`);
  const droppers = Object.entries(droppedBy).map(([by, count]) => `${count} by ${by}`);
  const { reported, owed, unwished } = failures;
  return [
    `Recipients: ${states.join(", ")}.`,
    ...(undecided === 0 ? [] : [`${undecided} message(s) held as a whole, without recipients yet.`]),
    ...(droppers.length === 0 ? [] : [`Dropped: ${droppers.join(", ")}.`]),
    `Failures: ${reported} reported to the sender, ${owed} to be reported, ${unwished} that nobody wished to hear of; ` +
      `${reports} report(s) made in all.`,
    ...(forgotten === 0 ? [] : [`${forgotten} more came in so long ago that the history has forgotten them.`]),
    ...(steady ? [] : ["Mail came in all the while: the sums were not compared with the tables."]),
  ];
}
