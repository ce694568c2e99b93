/** As much of DER (X.690) as a certificate needs, for `certificates.ts`. Not for anything outside the specs. */

/** One element: tag, length, contents. */
export function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const hex = body.length.toString(16);
  const length = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

export const sequence = (...items: readonly Buffer[]): Buffer => element(0x30, ...items);
export const set = (...items: readonly Buffer[]): Buffer => element(0x31, ...items);
export const octetString = (...contents: readonly Buffer[]): Buffer => element(0x04, ...contents);
export const bitString = (bits: Buffer, unused = 0): Buffer => element(0x03, Buffer.from([unused]), bits);
export const utf8String = (text: string): Buffer => element(0x0c, Buffer.from(text));
export const bool = (value: boolean): Buffer => element(0x01, Buffer.from([value ? 0xff : 0]));
export const explicit = (tag: number, ...contents: readonly Buffer[]): Buffer => element(0xa0 | tag, ...contents);

/** A positive integer of big-endian octets. */
export function integer(octets: Buffer): Buffer {
  const first = octets[0] ?? 0;
  return element(0x02, first >= 0x80 ? Buffer.concat([Buffer.from([0]), octets]) : octets);
}

/** An object identifier in dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** GeneralizedTime, which has room for every year. */
export function time(date: Date): Buffer {
  return element(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/gu, "")));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}
