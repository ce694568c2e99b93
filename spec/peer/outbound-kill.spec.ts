/**
 * Five hundred messages from a real Postfix through popgate to a real Postfix, while popgate is killed twice without
 * warning. No message may be missing. A message may arrive twice only where SMTP leaves no choice: the one side had said
 * 250 and the other was killed before it could hear it, or write it down. The two are told apart by popgate's queue id.
 */
import { expect, test } from "vitest";
import { startDaemon, type Daemon } from "../fakes/popgate-process.ts";
import { startPostfixCompany } from "./support/company-postfix.ts";
import { testId, type TestMail } from "./support/mail.ts";
import { writeOutboundConfig } from "./support/outbound-config.ts";
import { headerOf, isSame, openOutboundPlace } from "./support/outbound-place.ts";
import { eventually } from "./support/program.ts";

const total = 500;
const connections = 4;
/** Postfix's default_destination_concurrency_limit: so many messages may be on their way to popgate. */
const clientConnections = 20;
const marks = [80, 260];

const mails: readonly TestMail[] = Array.from({ length: total }, (_, index) => {
  const id = `m${index}`;
  const octets = index % 100 === 99 ? 1_000_000 : 400 + ((index * 37) % 6000);
  const line = `${id} ${"x".repeat(60)}\r\n`;
  return {
    id,
    from: "anna@firma.example",
    rcpt: ["kunde@else.example"],
    header: ["From: anna@firma.example", "To: kunde@else.example", `Message-ID: <${id}@firma.example>`],
    body: line.repeat(Math.ceil(octets / line.length)),
  };
});

test("500 messages and two kills: none lost, none doubled but what a kill cut off from its answer", async () => {
  // Without a login: Postfix makes a new connection for each message, and a login is slow on purpose.
  await using place = await openOutboundPlace("kill", startPostfixCompany, false);
  const provider = await place.provider("postfix");
  const { dir, certificates, company, listen, who } = place;
  const extra = `connections = ${connections}`;
  const relay = { name: "eins", port: provider.port, tls: "required", user: "m123", password: "password" } as const;
  const relays = [{ ...relay, extra }];
  const config = await writeOutboundConfig({ dir, certificates, exchangePort: company.port, listen, who, relays });
  const ids = async (): Promise<string[]> => (await place.outside("kunde")).map(testId);

  const first = startDaemon(config);
  await first.until("listening");
  let submitted: Promise<void> | undefined;
  for (const [round, mark] of marks.entries()) {
    await using daemon: Daemon = round === 0 ? first : startDaemon(config);
    submitted ??= company.submit(mails, 8);
    await eventually(`${mark} delivered`, async () => (await ids()).length >= mark, 60_000);
    await daemon.kill();
  }
  await using last = startDaemon(config);
  await submitted;
  await eventually("all delivered", async () => new Set(await ids()).size >= total, 120_000);
  await eventually("nothing is left to send", async () => {
    const { delivered, submissions } = counts(last);
    return delivered >= submissions;
  });

  const copies = new Map<string, string[]>();
  for (const raw of await place.outside("kunde")) {
    const mail = mails.find(({ id }) => id === testId(raw));
    expect(mail !== undefined && isSame(raw, mail), testId(raw)).toBe(true);
    const queueId = /by popgate\.firma\.example.*?\n?\s+id (\w+)/su.exec(headerOf(raw))?.[1] ?? "";
    copies.set(testId(raw), [...(copies.get(testId(raw)) ?? []), queueId]);
  }
  const lost = mails.filter(({ id }) => !copies.has(id)).map(({ id }) => id);
  // Postfix heard no 250 and sent it again: two queue ids. The provider's 250 was not written down: one queue id twice.
  const submittedTwice = [...copies.values()].filter((queueIds) => new Set(queueIds).size > 1).length;
  const relayedTwice = [...copies.values()].filter((queueIds) => new Set(queueIds).size < queueIds.length).length;
  process.stdout.write(
    `faults ${marks.length}, messages ${total}, lost ${lost.length}, ambiguous at the listener ${submittedTwice}, at the relay ${relayedTwice}\n`,
  );
  expect(lost).toEqual([]);
  expect(relayedTwice).toBeLessThanOrEqual(marks.length * connections);
  expect(submittedTwice).toBeLessThanOrEqual(marks.length * clientConnections);
  for (const who of ["anna", "chef"]) expect(await place.inside(who)).toEqual([]);
});

function counts(daemon: Daemon): { delivered: number; submissions: number } {
  const of = (kind: string): number => daemon.events().filter(({ event }) => event === kind).length;
  return { delivered: of("delivered"), submissions: of("submitted") };
}
