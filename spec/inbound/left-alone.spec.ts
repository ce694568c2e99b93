/** One message that cannot be dealt with, or a spool that takes nothing: the rest goes on, and a person is told. */
import { describe, expect, it } from "vitest";
import { createPollLoop } from "../../src/inbound/poll-loop.ts";
import { usualCapabilities } from "../fakes/fake-box.ts";
import { bench, collector, mail, type Bench } from "./bench.ts";

/** A fault of our own at one address. */
const faulty = {
  ...collector,
  aliases: new (class extends Map<never, never> {
    override get(key: unknown): undefined {
      if (String(key).startsWith("bad@")) throw new TypeError("a bug, as planned");
      return undefined;
    }
  })(),
};

const ids = [
  ["with unique ids", true],
  ["without unique ids", false],
] as const;

describe.each(ids)("a box %s", (_, uidl) => {
  const withIds = async (options: Parameters<typeof bench>[0]): Promise<Bench> => {
    const b = await bench(options);
    b.box.capabilities = { ...usualCapabilities, uidl };
    return b;
  };

  it("a message at which we fail ourselves is left at the provider, and told of; the others are brought in", async () => {
    const b = await withIds({ policy: faulty });
    b.box
      .add(mail("one"))
      .add(mail("worse", { to: "bad@firma.example" }))
      .add(mail("two"));
    expect(await b.poll()).toMatchObject({ kind: "done", fetched: 2, unfetchable: 1 });
    expect(await b.subjects()).toEqual(["one", "two"]);
    expect(b.box.messages).toHaveLength(1);
    expect(b.heard("internal-error")).toMatchObject([
      { where: expect.stringMatching(/finding the recipients/u) as string },
    ]);
  });

  it("a message that is larger than it was said to be is left there too", async () => {
    const b = await withIds({ maxOctets: 2000 });
    b.box.add(mail("one"));
    b.box.messages.push({ uidl: "big", raw: mail("big", { body: "x".repeat(5000) }), listSize: 100 });
    // The session in which it shows is broken off; the next ones know it.
    await b.poll();
    await b.settle();
    expect(await b.subjects()).toEqual(["one"]);
    expect(b.box.messages).toHaveLength(1);
    expect(
      b
        .heard("box-notice")
        .map(({ detail }) => detail)
        .join(" "),
    ).toMatch(/2000/u);
  });
});

describe("while the spool takes nothing in", () => {
  it("a poll that a person asks for is not begun, with the reason, and no box is disturbed", async () => {
    const b = await bench();
    b.box.add(mail("one"));
    const { clock } = b;
    const health = () => ({ kind: "full", detail: "no room" }) as const;
    const loop = createPollLoop([b.account], { clock, events: { emit: () => undefined }, maxParallel: 1, health });
    const reports = await loop.pollOnce(undefined, new AbortController().signal);
    expect(reports).toMatchObject([{ kind: "not-polled", why: "spool", detail: "no room" }]);
    expect(b.box.logins).toBe(0);
  });

  it("one that is to stop at once ends with what has been done", async () => {
    const b = await bench();
    const { clock } = b;
    const health = () => ({ kind: "ok" }) as const;
    const loop = createPollLoop([b.account], { clock, events: { emit: () => undefined }, maxParallel: 1, health });
    const [report] = await loop.pollOnce(undefined, AbortSignal.abort());
    expect(report).toMatchObject({ kind: "failed", failure: "aborted" });
    expect(b.box.logins).toBe(0);
  });
});
