/**
 * `popgate status`: one screen that says whether mail flows: what is wrong and what to do about it first, then accounts,
 * queue and destinations. Ends with 5 when something needs a person.
 */
import * as schema from "../admin/schemas.ts";
import type { AccountStatus, DestinationStatus, Status, Trouble } from "../admin/schemas.ts";
import type { Asking } from "./asking.ts";
import { exitStatus } from "./exit-status.ts";
import { styled, type Piece, type Screen, type Span, type Style } from "./screen.ts";
import { octetsText, relativeText, spanText } from "./time-words.ts";

/** Resolves with the exit status. */
export async function runStatus({ client, screen, json }: Asking): Promise<number> {
  const status = await client.get(schema.status, "/v1/status");
  if (json) screen.json(status);
  else showStatus(status, screen);
  return status.troubles.length === 0 ? exitStatus.ok : exitStatus.findings;
}

function showStatus(status: Status, screen: Screen): void {
  const { version, hostname, startedAt, now, spool, listeners, troubles } = status;
  screen.print(styled("bold", `popgate ${version} on ${hostname}`), `, up ${spanText(now - startedAt)}`);
  const free = spool.freeOctets === undefined ? "" : `, ${octetsText(spool.freeOctets)} free`;
  screen.print("spool ", healthSpan(spool.health), ` in ${spool.dir}${free}`);
  if (listeners.length > 0) screen.print(`takes mail from Exchange at ${listeners.join(", ")}`);
  screen.print();
  showTroubles(troubles, now, screen);
  heading(screen, "Accounts");
  showAccounts(status.accounts, now, screen);
  heading(screen, "Queue");
  showQueue(status, screen);
  heading(screen, "Destinations");
  showDestinations(status.destinations, now, screen);
}

function heading(screen: Screen, text: string): void {
  screen.print();
  screen.print(styled("bold", text));
}

function healthSpan(health: Status["spool"]["health"]): Span {
  return styled(health === "ok" ? "good" : "bad", health);
}

function showTroubles(troubles: readonly Trouble[], now: number, screen: Screen): void {
  if (troubles.length === 0) {
    screen.print(styled("good", "Nothing is wrong."));
    return;
  }
  screen.print(styled("bold", "What is wrong, and what to do"));
  for (const { severity, about, detail, remedy, since } of troubles) {
    const age = since === undefined ? "" : `, since ${spanText(now - since)}`;
    screen.print("  ", styled(severity === "error" ? "bad" : "warning", severity), ` ${about}${age}`);
    screen.paragraph(4, detail);
    screen.paragraph(4, `→ ${remedy}`);
  }
}

function showAccounts(accounts: readonly AccountStatus[], now: number, screen: Screen): void {
  if (accounts.length === 0) {
    screen.print("  none");
    return;
  }
  const at = (time: number | undefined): string => (time === undefined ? "-" : relativeText(time, now));
  screen.table(
    [
      { title: "NAME" },
      { title: "STATE" },
      { title: "LAST POLL" },
      { title: "LAST SUCCESS" },
      { title: "NEXT" },
      { title: "WHAT IT CAME TO", least: 12 },
    ],
    accounts.map((account): Piece[] => [
      account.name,
      accountState(account),
      at(account.lastPollAt),
      at(account.lastSuccessAt),
      at(account.nextPollAt),
      account.last ?? "",
    ]),
    2,
  );
}

function accountState({ enabled, paused, polling, failing, lastPollAt }: AccountStatus): Span {
  if (!enabled) return styled("dim", "off");
  if (paused) return styled("warning", "paused");
  if (polling) return styled(failing ? "bad" : "good", "polling");
  if (failing) return styled("bad", "failing");
  return lastPollAt === undefined ? styled("dim", "waiting") : styled("good", "ok");
}

function showQueue({ queue, now }: Status, screen: Screen): void {
  const { held, octets, heldByReason } = queue;
  const age = (at: number | undefined): string => (at === undefined ? "-" : spanText(now - at));
  screen.table(
    [
      { title: "WAY" },
      { title: "QUEUED", align: "right" },
      { title: "THE OLDEST", align: "right" },
      { title: "HELD", align: "right" },
    ],
    (["inbound", "outbound"] as const).map((way): Piece[] => {
      const counts = queue[way];
      const heldStyle = counts.held === 0 ? "plain" : "warning";
      return [way, String(counts.queued), age(counts.oldestQueuedAt), styled(heldStyle, String(counts.held))];
    }),
    2,
  );
  const reasons = Object.entries(heldByReason).map(([reason, count]) => `${count} ${reason}`);
  if (held > 0) screen.paragraph(2, `held: ${reasons.join(", ")}; popgate queue --state held shows them`);
  screen.print(`  ${octetsText(octets)} in all`);
}

const destinationStyles: Readonly<Record<DestinationStatus["state"], Style>> = {
  up: "good",
  down: "bad",
  paused: "warning",
  stopped: "warning",
};

function showDestinations(destinations: readonly DestinationStatus[], now: number, screen: Screen): void {
  if (destinations.length === 0) {
    screen.print("  none");
    return;
  }
  screen.table(
    [
      { title: "NAME", least: 16 },
      { title: "STATE" },
      { title: "SINCE" },
      { title: "NEXT TRY" },
      { title: "QUEUED", align: "right" },
      { title: "UNDER WAY", align: "right" },
      { title: "WHY", least: 12 },
    ],
    destinations.map(({ name, state, since, retryAt, queued, running, cause = "" }): Piece[] => [
      name,
      styled(destinationStyles[state], state),
      since === undefined ? "" : spanText(now - since),
      retryAt === undefined ? "" : relativeText(retryAt, now),
      queued === undefined ? "many" : String(queued),
      String(running),
      cause,
    ]),
    2,
  );
}
