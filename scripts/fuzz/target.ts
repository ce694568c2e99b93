/**
 * What is fuzzed: a piece of the program that takes octets from outside, and what must hold whatever they are. A target
 * throws when something does not hold; what it throws is the finding. Targets keep nothing from one input to the next.
 */
import path from "node:path";

export interface Target {
  readonly name: string;
  /** Longer inputs are cut. */
  readonly maxOctets: number;
  /** Words that the input's language is made of, beside those that stand in the counted sources. */
  readonly dictionary: readonly string[];
  readonly seeds: readonly Buffer[];
  /** Folders of files to begin with besides, each with these octets before it. */
  readonly examples?: { readonly folders: readonly string[]; readonly front: Buffer };
  /** Branches that may run: so many for each octet of the input, and so many whatever its length. */
  readonly work: { readonly perOctet: number; readonly fixed: number };
  run(input: Buffer): void | Promise<void>;
}

/** A folder of spec/corpus. */
export function corpusFolder(name: string): string {
  return path.join(import.meta.dirname, "..", "..", "spec", "corpus", name);
}

/** Something that must hold does not. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Throws a `Violation` unless `condition` holds. `what` is the same for every input, so that findings can be told apart. */
export function hold(condition: boolean, what: string, detail: unknown = ""): asserts condition {
  if (!condition) throw new Violation(detail === "" ? what : `${what}: ${JSON.stringify(detail)}`);
}

/** One octet of the input's front as a choice, and the rest. */
export function choice<const T>(
  input: Buffer,
  of: readonly [T, ...T[]],
): { readonly chosen: T; readonly rest: Buffer } {
  const chosen = of[(input[0] ?? 0) % of.length] ?? of[0];
  return { chosen, rest: input.subarray(1) };
}

/** The input in packets whose sizes follow from `seed`: the same cuts for the same input. */
export function packets(input: Buffer, seed: number): Buffer[] {
  const out: Buffer[] = [];
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let at = 0; at < input.length;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // Mostly a few octets, now and then many: what takes long is the number of packets.
    const size = 1 + ((state >>> 16) % (state >>> 28 < 12 ? 9 : 200));
    out.push(Buffer.from(input.subarray(at, at + size)));
    at += size;
  }
  return out;
}
