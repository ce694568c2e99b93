/**
 * One target being fuzzed: an input that reaches a branch, or one more often than any before, joins the corpus, and new
 * inputs are made from those. Where something does not hold, the input is cut down to what it takes, and kept.
 *
 * Guarantees: the same seed, corpus and number of executions do the same thing (for a target that is synchronous). The
 * same fault is told once, however many inputs show it; after `mostFindings` different ones the campaign ends.
 */
import type { Chance } from "../torture/chance.ts";
import type { Counting } from "./counting.ts";
import { mutate, type Material } from "./mutate.ts";
import { Violation, type Target } from "./target.ts";

export interface Finding {
  /** The same for all inputs that show the same fault. */
  readonly key: string;
  /** What was thrown, with its stack. */
  readonly detail: string;
  readonly input: Buffer;
}

interface Entry {
  readonly input: Buffer;
  /** Branch × 8 + how often, in powers of two. */
  readonly features: readonly number[];
}

const mostFindings = 10;
/** Executions that cutting one finding down may cost. */
const shrinkExecutions = 3000;

export class Campaign {
  executions = 0;
  readonly findings: Finding[] = [];
  readonly #target: Target;
  readonly #counting: Counting;
  readonly #chance: Chance;
  readonly #seen: Uint8Array;
  readonly #entries: Entry[] = [];
  readonly #before: (input: Buffer) => void;
  #work = 0;

  /** `before` hears of each input before it is tried: who watches from outside knows then what hangs. */
  constructor(target: Target, counting: Counting, chance: Chance, before: (input: Buffer) => void) {
    this.#target = target;
    this.#counting = counting;
    this.#chance = chance;
    this.#before = before;
    this.#seen = new Uint8Array(counting.counters.length);
  }

  get isOver(): boolean {
    return this.findings.length >= mostFindings;
  }

  /** Branches that some input has reached. */
  get reached(): number {
    return this.#seen.reduce((sum, bits) => sum + (bits === 0 ? 0 : 1), 0);
  }

  get corpusSize(): number {
    return this.#entries.length;
  }

  /** Tries one input as it is. */
  async add(input: Buffer): Promise<void> {
    const cut = Buffer.from(input.subarray(0, this.#target.maxOctets));
    const fault = await this.#execute(cut);
    if (fault === undefined) this.#learn(cut);
    else await this.#report(cut, fault);
  }

  /** Makes one input and tries it. */
  async step(words: readonly Buffer[]): Promise<void> {
    const material: Material = {
      chance: this.#chance,
      words,
      other: () => this.#any(),
      maxOctets: this.#target.maxOctets,
    };
    await this.add(mutate(this.#any(), material));
  }

  /** The shortest inputs that together do what the corpus does. `coarse`: only whether a branch runs once or more often. */
  cover(coarse: boolean): Buffer[] {
    const covered = new Set<number>();
    const kept: Buffer[] = [];
    for (const { input, features } of this.#entries.toSorted((a, b) => a.input.length - b.input.length)) {
      const mine = coarse ? features.map((feature) => (feature & ~7) | ((feature & 7) === 0 ? 0 : 1)) : features;
      if (mine.every((feature) => covered.has(feature))) continue;
      kept.push(input);
      for (const feature of mine) covered.add(feature);
    }
    return kept;
  }

  /** Half of the time one of the latest: where something new was found there is more. */
  #any(): Buffer {
    const { length } = this.#entries;
    if (length === 0) return Buffer.alloc(1);
    const from = this.#chance.next() < 0.5 ? Math.max(0, length - 1 - (length >> 3)) : 0;
    return this.#entries[this.#chance.whole(from, length - 1)]?.input ?? Buffer.alloc(1);
  }

  /** What was thrown, if anything. */
  async #execute(input: Buffer): Promise<Error | undefined> {
    const { counters } = this.#counting;
    this.executions += 1;
    this.#before(input);
    counters.fill(0, 0, this.#counting.branches);
    try {
      // The target gets a copy: some of what it tries works in the packet's own memory.
      const running = this.#target.run(Buffer.from(input));
      if (running !== undefined) await running;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
    this.#work = counters.subarray(0, this.#counting.branches).reduce((sum, count) => sum + count, 0);
    const { perOctet, fixed } = this.#target.work;
    const most = perOctet * input.length + fixed;
    if (this.#work > most) return new Violation(`more work than the length explains: ${this.#work} of ${most}`);
    return undefined;
  }

  #learn(input: Buffer): void {
    const { counters, branches } = this.#counting;
    let isNew = false;
    for (let branch = 0; branch < branches; branch++) {
      const count = counters[branch] ?? 0;
      if (count === 0) continue;
      const bit = 1 << bucketOf(count);
      if (((this.#seen[branch] ?? 0) & bit) !== 0) continue;
      this.#seen[branch] = (this.#seen[branch] ?? 0) | bit;
      isNew = true;
    }
    if (!isNew) return;
    const features: number[] = [];
    for (let branch = 0; branch < branches; branch++) {
      const count = counters[branch] ?? 0;
      if (count > 0) features.push(branch * 8 + bucketOf(count));
    }
    this.#entries.push({ input, features });
  }

  async #report(input: Buffer, fault: Error): Promise<void> {
    const key = keyOf(fault);
    if (this.findings.some((finding) => finding.key === key)) return;
    const small = await this.#shrunk(input, key);
    this.findings.push({ key, detail: fault.stack ?? fault.message, input: small });
  }

  /** Takes pieces out, large ones first, for as long as the same fault shows. */
  async #shrunk(input: Buffer, key: string): Promise<Buffer> {
    let best = input;
    const last = this.executions + shrinkExecutions;
    for (let size = best.length >> 1; size >= 1; size >>= 1) {
      for (let at = 0; at < best.length && this.executions < last;) {
        const tried = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
        const fault = await this.#execute(tried);
        if (fault !== undefined && keyOf(fault) === key) best = tried;
        else at += size;
      }
    }
    return best;
  }
}

/** 1, 2, 3, 4–7, 8–15, 16–31, 32–127, more. */
function bucketOf(count: number): number {
  if (count < 4) return count - 1;
  if (count < 8) return 3;
  if (count < 16) return 4;
  if (count < 32) return 5;
  return count < 128 ? 6 : 7;
}

/** A violation by what it says before its details, anything else by its kind and where it was thrown. */
function keyOf(fault: Error): string {
  if (fault instanceof Violation) return fault.message.split(":")[0] ?? fault.message;
  const place = /\((?:.*\/)?(src\/[^)]+)\)|(src\/\S+:\d+)/u.exec(fault.stack ?? "");
  return `${fault.name} at ${place?.[1] ?? place?.[2] ?? fault.message.slice(0, 80)}`;
}
