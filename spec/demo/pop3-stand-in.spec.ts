import { describe, expect, it } from "vitest";
import { startPop3StandIn, type Pop3StandIn, type StandInOptions } from "../../src/demo/pop3-stand-in.ts";
import type { Pop3Options } from "../../src/pop3/options.ts";
import type { Pop3Box } from "../../src/pop3/port.ts";
import { certificates } from "../fakes/certificates.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { client, never, plainTls, read } from "../pop3/stand-in-client.ts";

const first = Buffer.from("Subject: one\r\n\r\n.dot\r\n");
const second = Buffer.from("Subject: two\r\n\r\nbody\r\nmore\r\n");

async function provider(options: Partial<StandInOptions> = {}): Promise<Pop3StandIn> {
  return startPop3StandIn({
    accounts: [{ user: "tester", password: "secret", messages: [first, second] }],
    ...options,
  });
}

async function login(standIn: Pop3StandIn, options: Partial<Pop3Options> = {}): Promise<Pop3Box> {
  return client(standIn.port, options)(never, undefined);
}

async function deleteAll(standIn: Pop3StandIn): Promise<boolean> {
  await using box = await login(standIn);
  for (const { number } of (await box.list()).messages) await box.delete(number);
  return (await box.quit()).confirmed;
}

describe("the POP3 stand-in", () => {
  it("hands out what it holds, and deletes at QUIT only", async () => {
    await using standIn = await provider();
    {
      await using box = await login(standIn);
      const { messages } = await box.list();
      expect(messages.map(({ size, uidl }) => [size, uidl])).toEqual([
        [first.length, standIn.box("tester").list()[0]?.uidl],
        [second.length, standIn.box("tester").list()[1]?.uidl],
      ]);
      expect(await read(await box.retrieve(1))).toEqual(first);
      expect((await box.top(2, 1, 1000))?.toString()).toBe("Subject: two\r\n\r\nbody\r\n");
      expect(await box.delete(1)).toBe(true);
      expect(await box.delete(1)).toBe(false);
      expect(await box.retrieve(1)).toMatchObject({ kind: "refused" });
    }
    expect(standIn.box("tester").list()).toHaveLength(2);
    expect(await deleteAll(standIn)).toBe(true);
    expect(standIn.box("tester").list()).toEqual([]);
    expect(standIn.commands).toContain("PASS ***");
    expect(standIn.connections).toBe(2);
  });

  it("lets one session at a time into a box", async () => {
    await using standIn = await provider();
    await using box = await login(standIn);
    await expect(login(standIn)).rejects.toMatchObject({ kind: "in-use" });
    expect(await box.quit()).toMatchObject({ confirmed: true });
    await using again = await login(standIn);
    expect((await again.list()).messages).toHaveLength(2);
  });

  it("keeps its minimum time between logins", async () => {
    const clock = new ManualClock();
    await using standIn = await provider({ clock, loginDelaySeconds: 60 });
    {
      await using box = await login(standIn);
      expect(box.capabilities.loginDelaySeconds).toBe(60);
      await box.quit();
    }
    await expect(login(standIn)).rejects.toMatchObject({ kind: "login-delay", retryAfterMs: 60_000 });
    await clock.advance(60_000);
    await using again = await login(standIn);
    expect(await again.quit()).toMatchObject({ confirmed: true });
  });

  it.each(["starttls", "implicit"] as const)("speaks TLS (%s)", async (mode) => {
    const { server, ca } = certificates();
    await using standIn = await provider({ tls: { ...server, implicit: mode === "implicit" } });
    await using box = await login(standIn, { auth: "auto", tls: { ...plainTls, mode, ca: [ca.cert] } });
    expect(await read(await box.retrieve(2))).toEqual(second);
    expect(await box.quit()).toMatchObject({ confirmed: true });
  });

  it.each(["apop", "plain", "user"])("takes %s, and refuses a wrong password", async (auth) => {
    await using standIn = await provider();
    {
      await using box = await login(standIn, { auth });
      expect(await box.quit()).toMatchObject({ confirmed: true });
    }
    const secret = { kind: "password" as const, read: () => Promise.resolve("wrong") };
    await expect(login(standIn, { auth, credentials: { user: "tester", secret } })).rejects.toMatchObject({
      kind: "auth",
    });
  });

  it("rolls back, refuses, drops, as it is told", async () => {
    await using standIn = await provider();
    const { faults } = standIn;
    faults.rollBackDeletions = true;
    expect(await deleteAll(standIn)).toBe(true);
    faults.rollBackDeletions = false;
    faults.refuseQuit = true;
    expect(await deleteAll(standIn)).toBe(false);
    faults.refuseQuit = false;
    faults.dropAtQuit = true;
    expect(await deleteAll(standIn)).toBe(false);
    faults.dropAtQuit = false;
    expect(standIn.box("tester").list()).toHaveLength(2);
    faults.dropAfterQuit = true;
    expect(await deleteAll(standIn)).toBe(false);
    expect(standIn.box("tester").list()).toEqual([]);
  });

  it("shows its other faults", async () => {
    await using standIn = await provider({
      faults: { noUidl: true, noCapa: true, noTop: true, wrongSize: (size) => size + 1000 },
    });
    await using box = await login(standIn, { needUidl: false });
    expect(box.capabilities.announced).toBe(false);
    expect(await box.list()).toEqual({
      hasUidl: false,
      messages: [
        { number: 1, size: first.length + 1000, uidl: undefined },
        { number: 2, size: second.length + 1000, uidl: undefined },
      ],
    });
    expect(await box.top(1, 0, 100)).toBeUndefined();
    expect(await read(await box.retrieve(1))).toEqual(first);
    standIn.faults.refuseRetrieve = ({ number }) => (number === 2 ? "[SYS/TEMP] not now" : undefined);
    expect(await box.retrieve(2)).toMatchObject({ kind: "refused", temporary: true });
  });

  it("changes ids and order", async () => {
    await using standIn = await provider();
    const box = standIn.box("tester");
    const before = box.list().map(({ uidl }) => uidl);
    box.changeUidls();
    const after = box.list().map(({ uidl }) => uidl);
    expect(after.filter((uidl) => before.includes(uidl))).toEqual([]);
    expect(box.list().map(({ raw }) => raw)).toEqual([first, second]);
    for (let count = 0; count < 20; count += 1) box.add(second);
    const order = box.snapshot(true).map(({ uidl }) => uidl);
    expect(order).not.toEqual(box.list().map(({ uidl }) => uidl));
    expect(order.toSorted()).toEqual(
      box
        .list()
        .map(({ uidl }) => uidl)
        .toSorted(),
    );
  });
});
