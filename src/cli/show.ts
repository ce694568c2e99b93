/** `popgate show ID`: one message: where it is, its recipients, every attempt with the server's words, its header block. */
import * as schema from "../admin/schemas.ts";
import type { MessageDetail, RecipientDetail } from "../admin/schemas.ts";
import type { Asking } from "./asking.ts";
import { exitStatus } from "./exit-status.ts";
import { printableLines } from "./printable.ts";
import { styled, type Screen, type Style } from "./screen.ts";
import { octetsText, relativeText, timeText } from "./time-words.ts";

/** Resolves with the exit status. */
export async function runShow(id: string, { client, screen, json }: Asking): Promise<number> {
  const message = await client.get(schema.messageDetail, `/v1/messages/${encodeURIComponent(id)}`);
  if (json) screen.json(message);
  else showMessage(message, Date.now(), screen);
  return exitStatus.ok;
}

const labelWidth = 12;

function showMessage(message: MessageDetail, now: number, screen: Screen): void {
  const { id, direction, state, receivedAt, endedAt, size, origin, reversePath, hold, headers, removed } = message;
  const field = (label: string, text: string): void => screen.print(styled("dim", label.padEnd(labelWidth)), text);
  screen.print(styled("bold", id), `  ${direction}, `, styled(stateStyles[state], state));
  field("received", `${timeText(receivedAt)} (${relativeText(receivedAt, now)}) from ${origin}, ${octetsText(size)}`);
  if (endedAt !== undefined) field("ended", `${timeText(endedAt)} (${relativeText(endedAt, now)})`);
  field("sender", reversePath === "" ? "<> (none: a report, or an answer by machine)" : reversePath);
  field("from", message.from);
  field("subject", message.subject);
  field("message-id", message.messageId);
  if (removed.length > 0) field("left out", removed.join(", "));
  if (hold !== undefined) {
    screen.print();
    screen.print(styled("warning", `held since ${timeText(hold.since)}: ${hold.reason}`));
    screen.paragraph(2, hold.detail);
    screen.paragraph(2, hold.meaning);
    screen.paragraph(2, `→ ${hold.remedy}`);
  }
  screen.print();
  screen.print(styled("bold", "Recipients"));
  showRecipients(message.details, now, screen);
  if (message.attempts.length > 0) {
    screen.print();
    screen.print(styled("bold", "Attempts and acts"));
    for (const { at, destination, recipients, text } of message.attempts) {
      screen.print("  ", styled("dim", timeText(at)), ` ${destination === "" ? "-" : destination}`);
      if (recipients.length > 0) screen.paragraph(4, `for ${recipients.join(", ")}`);
      screen.paragraph(4, text);
    }
  }
  if (headers === "") return;
  screen.print();
  screen.print(styled("bold", "Header"));
  for (const line of printableLines(headers)) screen.print("  ", line);
}

const stateStyles: Readonly<Record<MessageDetail["state"], Style>> = {
  queued: "plain",
  held: "warning",
  ended: "dim",
};

const recipientStyles: Readonly<Record<RecipientDetail["state"], Style>> = {
  queued: "plain",
  held: "warning",
  delivered: "good",
  bounced: "bad",
  expired: "bad",
  dropped: "dim",
};

function showRecipients(recipients: readonly RecipientDetail[], now: number, screen: Screen): void {
  if (recipients.length === 0) screen.print("  none are known");
  for (const { address, state, attempts, at, nextAttemptAt, detail, unconfirmed } of recipients) {
    const times = [
      ...(at === undefined ? [] : [timeText(at)]),
      ...(attempts === 0 ? [] : [`${attempts} attempt${attempts === 1 ? "" : "s"}`]),
      ...(nextAttemptAt === undefined ? [] : [`next ${relativeText(nextAttemptAt, now)}`]),
      ...(unconfirmed === 0 ? [] : [`possibly had it already (${unconfirmed} without an answer)`]),
    ];
    screen.print("  ", address, "  ", styled(recipientStyles[state], state), times.map((text) => `, ${text}`).join(""));
    if (detail !== "") screen.paragraph(4, detail);
  }
}
