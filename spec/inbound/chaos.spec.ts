/**
 * Whatever happens to provider, connection and process, in any order: no message is ever in the spool twice, and once
 * all is well again every message is there and the box is as the keep rule wants it.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { AccountOptions } from "../../src/inbound/account-state.ts";
import { usualCapabilities, type BoxMessage } from "../fakes/fake-box.ts";
import { bench, mail, type Bench } from "./bench.ts";

type Step =
  | { readonly kind: "add" | "poll" | "rename" | "roll-back" | "toggle-quit" | "toggle-loss" | "twin-id" }
  | { readonly kind: "break" | "crash"; readonly at: number; readonly acted: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("add" as const, "poll" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "rename" as const,
        "roll-back" as const,
        "toggle-quit" as const,
        "toggle-loss" as const,
        "twin-id" as const,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("break" as const, "crash" as const),
      at: fc.integer({ min: 1, max: 12 }),
      acted: fc.boolean(),
    }),
  },
);

class World {
  readonly b: Bench;
  readonly added: string[] = [];
  /** Everything that was ever in the box. */
  readonly #all: BoxMessage[] = [];

  constructor(b: Bench) {
    this.b = b;
  }

  async take(step: Step): Promise<void> {
    const { b } = this;
    const { box } = b;
    switch (step.kind) {
      case "add":
        this.#add();
        break;
      case "rename":
        box.renameAll();
        break;
      case "twin-id":
        // The newest message gets the unique id of the oldest.
        if (box.messages.length > 1) box.messages.at(-1)!.uidl = box.messages[0]!.uidl;
        break;
      case "roll-back":
        box.messages = [...this.#all];
        break;
      case "toggle-quit":
        box.quitConfirmed = !box.quitConfirmed;
        break;
      case "toggle-loss":
        box.losesDeletions = !box.losesDeletions;
        break;
      case "break":
        box.breakAt(step.at, step.acted);
        await this.#poll();
        box.breakAt(undefined);
        break;
      case "crash":
        b.crashing.crashAt(step.at, step.acted);
        await this.#poll();
        b.restart();
        break;
      case "poll":
        await this.#poll();
    }
    const subjects = await b.subjects();
    expect(new Set(subjects).size).toBe(subjects.length);
  }

  async end(): Promise<void> {
    const { b } = this;
    b.box.quitConfirmed = true;
    b.box.losesDeletions = false;
    for (let n = 0; n < 4; n++) {
      b.clock.set(b.clock.now() + 2 * 86_400_000);
      await b.settle();
    }
  }

  #add(): void {
    const name = `m${String(this.added.length).padStart(2, "0")}`;
    this.added.push(name);
    this.b.box.add(mail(name));
    this.#all.push(this.b.box.messages.at(-1)!);
  }

  async #poll(): Promise<void> {
    this.b.clock.set(this.b.clock.now() + 60_000);
    await this.b.poll().catch(() => undefined);
  }
}

const worlds: readonly (readonly [name: string, options: Partial<AccountOptions>, uidl: boolean])[] = [
  ["nothing kept", { keep: { kind: "never" } }, true],
  ["kept for ever", { keep: { kind: "forever" } }, true],
  ["nothing kept, no unique ids", { keep: { kind: "never" } }, false],
];

it.each(worlds)("every message once, %s", async (_name, options, uidl) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 24, size: "max" }), async (steps) => {
      const world = new World(await bench(options));
      if (!uidl) world.b.box.capabilities = { ...usualCapabilities, uidl };
      for (const step of steps) await world.take(step);
      await world.end();
      expect(await world.b.subjects()).toEqual(world.added);
      if (options.keep?.kind === "never") expect(world.b.box.messages).toEqual([]);
    }),
    { numRuns: 120 },
  );
});
