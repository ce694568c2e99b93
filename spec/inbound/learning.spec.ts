import { describe, expect, it } from "vitest";
import type { AutoPolicy } from "../../src/inbound/envelope.ts";
import { usualCapabilities } from "../fakes/fake-box.ts";
import { bench, collector, mail } from "./bench.ts";

const auto: AutoPolicy = {
  kind: "auto",
  stripPrefix: undefined,
  domains: ["firma.example"],
  aliases: new Map(),
  fallback: undefined,
  established: undefined,
  limits: { maxReceived: 50, alsoRemove: [] },
  hostname: "gate.firma.example",
};

/** Two providers' habits: Exim writes Envelope-to on top, the other writes no envelope field at all. */
const exim = (n: number) => mail(`m${n}`);
const bare = (n: number) => mail(`m${n}`, { to: undefined });

describe("profile = auto", () => {
  it("learns from the header blocks in the box before anything is fetched, and remembers it", async () => {
    const b = await bench({ policy: auto });
    for (let n = 0; n < 5; n++) b.box.add(exim(n));
    expect(await b.poll()).toMatchObject({ fetched: 5, held: 0 });
    expect(b.heard("profile-learnt")).toHaveLength(1);
    expect(b.heard("profile-learnt")[0]).toMatchObject({ share: 5, of: 5 });
    expect(b.box.log.findIndex((line) => line.startsWith("TOP"))).toBeLessThan(b.box.log.indexOf("RETR 1"));
    expect(await b.account.policy()).toMatchObject({ kind: "collector", domains: ["firma.example"] });
    b.restart({ policy: auto });
    b.box.log.length = 0;
    b.box.add(exim(9));
    expect(await b.poll()).toMatchObject({ fetched: 1, held: 0 });
    expect(b.box.log.filter((line) => line.startsWith("TOP"))).toEqual([]);
  });

  it("looks at no more than the newest 200", async () => {
    const b = await bench({ policy: auto });
    for (let n = 0; n < 230; n++) b.box.add(exim(n));
    await b.poll();
    const tops = b.box.log.filter((line) => line.startsWith("TOP"));
    expect(tops).toHaveLength(200);
    expect(tops[0]).toBe("TOP 230 0");
  });

  it("holds what comes before it is decided, and delivers that too once it is", async () => {
    const b = await bench({ policy: auto });
    b.box.add(exim(1));
    expect(await b.poll()).toMatchObject({ fetched: 1, held: 1 });
    expect((await b.spooled())[0]?.record.hold?.reason).toBe("profile-undecided");
    expect(b.heard("profile-undecided")).toHaveLength(1);
    b.box.add(exim(2));
    await b.poll();
    expect(b.heard("profile-undecided")).toHaveLength(1);
    b.box.add(exim(3));
    expect(await b.poll()).toMatchObject({ fetched: 1, held: 0 });
    expect(b.heard("profile-learnt")).toHaveLength(1);
    expect(b.heard("released")).toHaveLength(2);
    for (const { record } of await b.spooled()) {
      expect(record.hold).toBeUndefined();
      expect(record.recipients.map(({ address }) => address)).toEqual(["a@firma.example"]);
      expect(record.edits.cuts.length).toBeGreaterThan(0);
    }
  });

  it("learns without TOP from what was fetched and held", async () => {
    const b = await bench({ policy: auto });
    b.box.capabilities = { ...usualCapabilities, top: false };
    for (let n = 0; n < 4; n++) b.box.add(exim(n));
    expect(await b.poll()).toMatchObject({ fetched: 4, held: 4 });
    expect(b.heard("profile-learnt")).toHaveLength(1);
    expect((await b.spooled()).filter(({ record }) => record.hold !== undefined)).toEqual([]);
  });

  it("guesses nothing where no envelope field is written: all is held, whatever To says", async () => {
    const b = await bench({ policy: auto });
    for (let n = 0; n < 12; n++) b.box.add(bare(n));
    expect(await b.poll()).toMatchObject({ fetched: 12, held: 12 });
    expect(b.heard("profile-learnt")).toEqual([]);
    expect(b.box.messages).toEqual([]);
  });

  it("learns anew when it is told to forget, and delivers what was held for the change", async () => {
    const b = await bench({ policy: auto });
    for (let n = 0; n < 20; n++) b.box.add(exim(n));
    await b.poll();
    const changed = (n: number) => Buffer.from(exim(n).toString().replace("Envelope-To", "X-Original-To"));
    for (let n = 20; n < 30; n++) b.box.add(changed(n));
    expect(await b.poll()).toMatchObject({ fetched: 10, held: 10 });
    await b.account.forgetProfile();
    b.box.add(changed(30));
    expect(await b.poll()).toMatchObject({ fetched: 1, held: 0 });
    expect(b.heard("profile-learnt")).toHaveLength(2);
    expect((await b.spooled()).filter(({ record }) => record.hold !== undefined)).toEqual([]);
  });

  it("learns from old mail that is not to be fetched", async () => {
    const b = await bench({ policy: auto, initial: "new" });
    for (let n = 0; n < 5; n++) b.box.add(exim(n));
    expect(await b.poll()).toMatchObject({ fetched: 0, left: 5 });
    expect(b.heard("profile-learnt")).toHaveLength(1);
  });
});

describe("the drift guard over sessions", () => {
  const policy = {
    ...collector,
    sources: [...collector.sources, { kind: "to-cc" as const }],
  };

  it("holds mail instead of guessing when the provider's field stops coming, and tells it once", async () => {
    const b = await bench({ policy });
    for (let n = 0; n < 20; n++) b.box.add(exim(n));
    expect(await b.poll()).toMatchObject({ fetched: 20, held: 0 });
    b.restart({ policy });
    for (let n = 20; n < 25; n++) b.box.add(bare(n));
    expect(await b.poll()).toMatchObject({ fetched: 5, held: 5 });
    b.restart({ policy });
    b.box.add(bare(25));
    expect(await b.poll()).toMatchObject({ fetched: 1, held: 1 });
    expect(b.heard("profile-drift")).toHaveLength(1);
    expect(b.heard("profile-drift")[0]).toMatchObject({ source: "field:envelope-to" });
    const reasons = (await b.spooled()).flatMap(({ record }) => record.hold?.reason ?? []);
    expect(reasons).toEqual(Array.from({ length: 6 }, () => "envelope-drift"));
  });

  it("lets the weaker source work again after the configuration was changed", async () => {
    const b = await bench({ policy });
    for (let n = 0; n < 20; n++) b.box.add(exim(n));
    await b.poll();
    b.restart({ policy: { ...policy, sources: [{ kind: "to-cc" }] } });
    b.box.add(bare(20));
    expect(await b.poll()).toMatchObject({ fetched: 1, held: 0 });
  });
});
