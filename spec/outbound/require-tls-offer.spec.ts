/** REQUIRETLS is offered to clients only as long as a relay may keep it (RFC 8689 §2, §4.2). */
import { expect, it } from "vitest";
import type { Receiver } from "../../src/outbound/port.ts";
import { createReceiver } from "../../src/outbound/receiver.ts";
import { certificates } from "../fakes/certificates.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";
import { EventList, listen } from "./smtp-support.ts";
import { certificateFiles } from "./smtp-tls-support.ts";

async function offersTo(receiver: Receiver, tls: boolean): Promise<readonly string[]> {
  const { greeted } = await listen({ tls: certificateFiles(certificates().server), receiver });
  const client = await greeted(tls);
  client.write("EHLO me\r\n");
  return (await client.lines()).map((line) => line.slice(4));
}

it("over TLS, while a relay keeps it or may; asked anew at each EHLO", async () => {
  const events = new EventList();
  const clock = new ManualClock();
  await using spool = await openMemorySpool({ clock, events, random: { next: () => 0.5 } }, new MemoryStore());
  let keepsTls = true;
  const receiver = createReceiver(
    { hostname: "gate.firma.example", maxOctets: 1000, maxHeaderOctets: 1000 },
    {
      spool,
      clock,
      events,
      pressure: () => ({ kind: "ok" }),
      maxRelayOctets: () => undefined,
      keepsRequireTls: () => keepsTls,
    },
  );
  expect(await offersTo(receiver, true)).toContain("REQUIRETLS");
  expect(await offersTo(receiver, false)).not.toContain("REQUIRETLS");
  keepsTls = false;
  expect(await offersTo(receiver, true)).not.toContain("REQUIRETLS");
});
