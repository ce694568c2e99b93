/** The collector on the real POP3 client, against a provider on a socket: the faults of the network, not of a fake. */
import { afterEach, describe, expect, it } from "vitest";
import { startPop3StandIn, type Pop3StandIn, type StandInOptions } from "../../src/demo/pop3-stand-in.ts";
import type { AccountOptions } from "../../src/inbound/account-state.ts";
import { bench, mail, type Bench } from "./bench.ts";
import { connectTo } from "./connecting.ts";

const open: Pop3StandIn[] = [];

afterEach(async () => {
  for (const provider of open.splice(0)) await provider.close();
});

async function collecting(
  messages: readonly Buffer[],
  standIn: Partial<StandInOptions> = {},
  options: Partial<AccountOptions> = {},
): Promise<{ readonly b: Bench; readonly provider: Pop3StandIn; readonly connect: AccountOptions["connect"] }> {
  const accounts = [{ user: "box", password: "secret", messages }];
  const provider = await startPop3StandIn({ accounts, ...standIn });
  open.push(provider);
  const connect = connectTo(provider.port);
  return { b: await bench({ connect, ...options }), provider, connect };
}

const many = (n: number) => Array.from({ length: n }, (_, index) => mail(`m${String(index).padStart(3, "0")}`));
const names = (n: number) => Array.from({ length: n }, (_, index) => `m${String(index).padStart(3, "0")}`);

describe("against a provider on a socket", () => {
  it("drains a box, pipelined, and leaves it empty", async () => {
    const { b, provider } = await collecting(many(100));
    expect(await b.poll()).toMatchObject({ kind: "done", listed: 100, fetched: 100, deleted: 100 });
    expect(await b.subjects()).toEqual(names(100));
    expect(provider.box("box").list()).toEqual([]);
    expect(await b.poll()).toMatchObject({ kind: "done", listed: 0 });
  });

  it("stores what the provider has, octet for octet", async () => {
    const odd = Buffer.concat([mail("odd"), Buffer.from(".\r\n..\r\nbare\nlf, \0 and \xff\r\n.", "latin1")]);
    const { b } = await collecting([odd]);
    await b.poll();
    const [one] = await b.spooled();
    // A message without an end of line gets one on the way: POP3 cannot send it otherwise.
    expect(one?.raw.toString("latin1").trimEnd()).toBe(odd.toString("latin1"));
  });

  it("drains a box that shows a part of its mail at a time, hides what was read, and deletes nothing", async () => {
    // Gmail: some 250 messages to a listing, RETR alone hides one from later sessions, DELE is without effect.
    const { b, provider } = await collecting([]);
    const all = many(600);
    provider.faults.rollBackDeletions = true;
    for (let begin = 0; begin < all.length; begin += 250) {
      for (const message of all.slice(begin, begin + 250)) provider.box("box").add(message);
      expect(await b.poll()).toMatchObject({ kind: "done" });
      provider.box("box").remove(
        new Set(
          provider
            .box("box")
            .list()
            .map(({ uidl }) => uidl),
        ),
      );
      b.clock.set(b.clock.now() + 3_600_000);
    }
    expect(await b.subjects()).toEqual(names(600));
  });

  it("takes a message of 20 MB", async () => {
    const big = mail("big", { body: `${"x".repeat(76)}\r\n`.repeat(270_000) });
    const { b } = await collecting([big], {}, { maxOctets: 50_000_000 });
    expect(await b.poll()).toMatchObject({ kind: "done", fetched: 1, octets: big.length });
    expect((await b.spooled())[0]?.record.size).toBe(big.length);
  });

  it("brings everything in exactly once when the connection breaks after every so many octets", async () => {
    for (const octets of [40, 100, 300, 700, 1500, 2500, 4000]) {
      const { b, provider } = await collecting(many(12));
      provider.faults.dropAfterOctets = octets;
      for (let n = 0; n < 4; n++) await b.poll();
      provider.faults.dropAfterOctets = undefined;
      b.clock.set(b.clock.now() + 86_400_000);
      await b.settle();
      expect(await b.subjects(), `broken every ${octets} octets`).toEqual(names(12));
      expect(provider.box("box").list(), `broken every ${octets} octets`).toEqual([]);
    }
  });

  it.each([
    ["dropped at QUIT", { dropAtQuit: true }],
    ["dropped after QUIT", { dropAfterQuit: true }],
    ["QUIT refused", { refuseQuit: true }],
    ["deletions rolled back", { rollBackDeletions: true }],
  ])("%s: nothing comes in twice, and the box is empty in the end", async (_name, fault) => {
    const { b, provider } = await collecting(many(5), { faults: { ...fault } });
    await b.poll();
    await b.poll();
    expect(await b.subjects()).toEqual(names(5));
    for (const knob of ["dropAtQuit", "dropAfterQuit", "refuseQuit", "rollBackDeletions"] as const) {
      provider.faults[knob] = undefined;
    }
    b.clock.set(b.clock.now() + 60_000);
    await b.settle();
    expect(await b.subjects()).toEqual(names(5));
    expect(provider.box("box").list()).toEqual([]);
  });

  it.each([
    ["no UIDL", { noUidl: true }],
    ["no CAPA", { noCapa: true }],
    ["sizes that are wrong", { wrongSize: (size: number) => size * 3 + 1 }],
    ["a listing in any order", { shuffle: true }],
  ])("%s: everything comes in once", async (_name, faults) => {
    const { b, provider } = await collecting(many(6), { faults });
    await b.settle();
    expect(await b.subjects()).toEqual(names(6));
    expect(provider.box("box").list()).toEqual([]);
  });

  it("goes on round a message that the provider will not hand out", async () => {
    const { b, provider } = await collecting(many(4), {
      faults: { refuseRetrieve: ({ number }) => (number === 2 ? "-ERR cannot open" : undefined) },
    });
    expect(await b.poll()).toMatchObject({ kind: "done", fetched: 3, unfetchable: 1 });
    expect(provider.box("box").list()).toHaveLength(1);
  });

  it("recognises a box whose unique ids have all changed", async () => {
    const { b, provider } = await collecting(many(5), {}, { keep: { kind: "forever" } });
    await b.poll();
    provider.box("box").changeUidls();
    provider.box("box").add(mail("new"));
    expect(await b.poll()).toMatchObject({ fetched: 1, recognised: 5 });
    expect(await b.subjects()).toEqual([...names(5), "new"]);
    expect(b.heard("box-rebuilt")).toHaveLength(1);
  });

  it("is told apart when the box is in use, and when the password is wrong", async () => {
    const { b, provider, connect } = await collecting(many(1));
    const session = await connect(new AbortController().signal, undefined);
    expect(await b.poll()).toMatchObject({ kind: "failed", failure: "in-use" });
    await session.quit();
    await session[Symbol.asyncDispose]();
    provider.faults.refuseLogin = "-ERR [AUTH] no";
    expect(await b.poll()).toMatchObject({ kind: "failed", failure: "auth" });
  });

  it("ends at once when it is told to stop", async () => {
    const { b } = await collecting(many(3));
    const stop = new AbortController();
    stop.abort();
    expect(await b.account.poll(stop.signal)).toMatchObject({ kind: "failed", failure: "aborted" });
    expect(b.heard("poll-failed")).toEqual([]);
  });
});
