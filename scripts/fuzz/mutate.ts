/**
 * Inputs made of inputs: octets flipped, put in, taken out, doubled, moved; words of a dictionary; pieces of another input;
 * numbers at the edges; lengths at the extreme. Chance comes from outside, so that the same seed makes the same inputs.
 */
import type { Chance } from "../torture/chance.ts";

export interface Material {
  readonly chance: Chance;
  readonly words: readonly Buffer[];
  /** Another input of the corpus. */
  readonly other: () => Buffer;
  readonly maxOctets: number;
}

type Mutation = (input: Buffer, material: Material) => Buffer;

/** The input after one to eight changes, cut to the length that is allowed. */
export function mutate(input: Buffer, material: Material): Buffer {
  const { chance, maxOctets } = material;
  let changed = input;
  for (let left = 1 << chance.whole(0, 3); left > 0; left--)
    changed = chance.pick(mutations)(changed, material).subarray(0, maxOctets);
  return changed;
}

const interesting = [
  0, 9, 10, 13, 32, 34, 40, 41, 44, 46, 58, 59, 60, 61, 62, 64, 91, 92, 93, 127, 128, 0xc3, 0xfe, 255,
];
const edges = ["0", "-1", "1", "00", "255", "256", "65535", "65536", "2147483648", "4294967296", "9007199254740993"];

/** Where something begins and ends: mostly short, now and then anything. */
function span(input: Buffer, chance: Chance): readonly [start: number, end: number] {
  const start = chance.whole(0, Math.max(0, input.length - 1));
  const most = chance.next() < 0.8 ? 16 : input.length;
  return [start, Math.min(input.length, start + chance.whole(1, Math.max(1, most)))];
}

function replaced(input: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, start), by, input.subarray(end)]);
}

function octet(chance: Chance): number {
  return chance.next() < 0.6 ? (interesting[chance.whole(0, interesting.length - 1)] ?? 0) : chance.whole(0, 255);
}

const setOctet: Mutation = (input, { chance }) => {
  const at = chance.whole(0, Math.max(0, input.length - 1));
  return replaced(input, at, at + 1, Buffer.of(octet(chance)));
};

const flipBit: Mutation = (input, { chance }) => {
  const at = chance.whole(0, Math.max(0, input.length - 1));
  return replaced(input, at, at + 1, Buffer.of((input[at] ?? 0) ^ (1 << chance.whole(0, 7))));
};

const insertOctets: Mutation = (input, { chance }) => {
  const at = chance.whole(0, input.length);
  return replaced(input, at, at, Buffer.from(Array.from({ length: chance.whole(1, 6) }, () => octet(chance))));
};

const takeOut: Mutation = (input, { chance }) => {
  const [start, end] = span(input, chance);
  return replaced(input, start, end, Buffer.alloc(0));
};

const repeat: Mutation = (input, { chance, maxOctets }) => {
  const [start, end] = span(input, chance);
  const piece = input.subarray(start, end);
  const most = chance.next() < 0.95 ? 4 : Math.floor(maxOctets / Math.max(1, piece.length));
  return replaced(input, end, end, Buffer.alloc(piece.length * chance.whole(1, Math.max(1, most)), piece));
};

const move: Mutation = (input, { chance }) => {
  const [start, end] = span(input, chance);
  const at = chance.whole(0, input.length);
  return replaced(input, at, at, input.subarray(start, end));
};

const word: Mutation = (input, { chance, words }) => {
  const chosen = words[chance.whole(0, words.length - 1)] ?? Buffer.alloc(0);
  const at = chance.whole(0, input.length);
  return replaced(input, at, chance.next() < 0.5 ? at : at + chosen.length, chosen);
};

const splice: Mutation = (input, { chance, other }) => {
  const from = other();
  const [start, end] = span(from, chance);
  const at = chance.whole(0, input.length);
  if (chance.next() < 0.3) return Buffer.concat([input.subarray(0, at), from.subarray(start)]);
  return replaced(input, at, at, from.subarray(start, end));
};

const number: Mutation = (input, { chance }) => {
  const numbers = [...input.toString("latin1").matchAll(/\d+/gu)];
  const found = numbers[chance.whole(0, numbers.length - 1)];
  if (found === undefined) return input;
  const edge = edges[chance.whole(0, edges.length - 1)] ?? "0";
  return replaced(input, found.index, found.index + found[0].length, Buffer.from(edge));
};

const changeCase: Mutation = (input, { chance }) => {
  const [start, end] = span(input, chance);
  const text = input.toString("latin1", start, end);
  const turned = chance.next() < 0.5 ? text.toUpperCase() : text.toLowerCase();
  return replaced(input, start, end, Buffer.from(turned, "latin1"));
};

/** Each as often as it stands here. */
const mutations: readonly [Mutation, ...Mutation[]] = [
  word,
  word,
  word,
  word,
  word,
  setOctet,
  setOctet,
  setOctet,
  insertOctets,
  insertOctets,
  insertOctets,
  takeOut,
  takeOut,
  takeOut,
  splice,
  splice,
  splice,
  flipBit,
  flipBit,
  repeat,
  repeat,
  move,
  move,
  number,
  changeCase,
];
