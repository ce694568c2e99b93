/**
 * The kinds of values that the configuration knows beyond TOML's own: durations, sizes, addresses, hosts and so on, each
 * as a zod type that reads the text and says in plain words what is wrong with it.
 *
 * Every type here takes the text as written and gives the value as the program uses it (milliseconds, octets, A-labels).
 * A complaint is a custom issue whose `params.hint` says what would be right.
 */
import { isIP } from "node:net";
import { z } from "zod";
import { parseAddress, parseDomain, type Address } from "../core/address.ts";
import { parseAccountName } from "../core/ids.ts";
import { parsePin } from "../net/tls-policy.ts";

/** What a reader of text found. */
export type Reading<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "bad"; readonly message: string; readonly hint: string };

export function good<T>(value: T): Reading<T> {
  return { kind: "ok", value };
}

export function wrong(message: string, hint = ""): Reading<never> {
  return { kind: "bad", message, hint };
}

/** Text that `read` turns into a value; `title` is what the reference calls such a text. */
export function textAs<T>(read: (text: string) => Reading<T>, title: string) {
  return z
    .string()
    .meta({ title })
    .transform((text, context): T => {
      const reading = read(text);
      if (reading.kind === "ok") return reading.value;
      context.addIssue({ code: "custom", message: reading.message, params: { hint: reading.hint } });
      return z.NEVER;
    });
}

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `90s`, `5m`, `1h 30m`, `14d`: milliseconds. */
export function readDuration(text: string): Reading<number> {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)\s*/gu)];
  const covered = parts.reduce((sum, part) => sum + part[0].length, 0);
  let ms = 0;
  for (const [, amount, unit] of parts) ms += Number(amount) * (durationUnits[unit ?? ""] ?? Number.NaN);
  if (parts.length === 0 || covered !== text.trim().length || Number.isNaN(ms))
    return wrong(
      `"${text}" is not a length of time`,
      'Write a number and a unit, such as "90s", "5m", "1h 30m" or "14d"',
    );
  return good(Math.round(ms));
}

const sizeUnits: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1000,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** `25 MB`, `1 GiB`: octets. */
export function readSize(text: string): Reading<number> {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/iu.exec(text.trim());
  const octets = Number(match?.[1]) * (sizeUnits[match?.[2]?.toLowerCase() ?? "?"] ?? Number.NaN);
  return Number.isSafeInteger(Math.round(octets))
    ? good(Math.round(octets))
    : wrong(`"${text}" is not a size`, 'Write a number and a unit, such as "25 MB" or "1 GiB"');
}

function readMailAddress(text: string): Reading<Address> {
  const result = parseAddress(text);
  return result.kind === "ok"
    ? good(result.address)
    : wrong(`"${text}" is not a mail address: ${result.why}`, "Write user@domain, without a name or angle brackets");
}

/** A domain, in lower case and A-labels. */
export function readDomain(text: string): Reading<string> {
  if (text.includes("@"))
    return wrong(`"${text}" is an address`, `Only the domain belongs here: "${text.slice(text.lastIndexOf("@") + 1)}"`);
  const domain = text.startsWith("[") ? undefined : parseDomain(text);
  return domain === undefined ? wrong(`"${text}" is not a domain`, 'Write it as in "firma.example"') : good(domain);
}

function readHost(text: string): Reading<string> {
  if (isIP(text) !== 0) return good(text);
  const bare = /^\[(.+)\]$/u.exec(text)?.[1];
  if (bare !== undefined && isIP(bare) !== 0) return good(bare);
  if (/^[a-z][a-z0-9+.-]*:\/\//iu.test(text)) return wrong(`"${text}" is a URL`, "Only the host's name belongs here");
  if (/^.+:\d+$/u.test(text)) return wrong(`"${text}" holds a port`, "The port has a key of its own: port");
  if (/^[\d.]+$/u.test(text)) return wrong(`"${text}" is not an IP address`);
  const name = parseDomain(text);
  return name === undefined ? wrong(`"${text}" is not a host name or IP address`) : good(name);
}

/** `host:port`, `[::1]:port`, `*:port`. */
function readListen(text: string): Reading<{ readonly host: string; readonly port: number }> {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/u.exec(text.trim());
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3] ?? 0);
  if (match === null || port < 1 || port > 65_535)
    return wrong(
      `"${text}" is not an address to listen on`,
      'Write address and port, such as "127.0.0.1:25" or "[::1]:25"',
    );
  if (host === "*" || host === "") return good({ host: "::", port });
  return isIP(host) === 0 && host !== "localhost"
    ? wrong(`"${host}" is not an IP address of this machine`, 'Write an IP address, or "*" for all')
    : good({ host: host === "localhost" ? "127.0.0.1" : host, port });
}

function readNetwork(text: string): Reading<string> {
  const [written = "", length, ...more] = text.trim().split("/");
  // IPv4 written as IPv6 (RFC 4291 §2.5.5.2), with 96 bits more.
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/iu.exec(written)?.[1];
  const address = mapped ?? written;
  const family = isIP(address);
  const longest = family === 4 ? 32 : 128;
  if (family === 0 || more.length > 0 || (length !== undefined && !/^\d{1,3}$/u.test(length)))
    return wrong(`"${text}" is not a network`, 'Write it as in "192.168.0.0/16", or one address');
  const bits = length === undefined ? longest : Number(length) - (mapped === undefined ? 0 : 96);
  if (bits > longest) return wrong(`"${text}" has a longer prefix than an address has bits`);
  return bits < 0
    ? wrong(`"${text}" is more than all of IPv4`, 'Write it as in "192.168.0.0/16"')
    : good(`${address}/${bits}`);
}

function readFieldName(text: string): Reading<string> {
  const bare = text.replace(/:\s*$/u, "");
  // RFC 5322 §3.6.8: printable ASCII but the colon.
  return /^[!-9;-~]+$/u.test(bare)
    ? good(bare)
    : wrong(`"${text}" is not the name of a header field`, 'Write it as in "Envelope-To"');
}

function readRate(text: string): Reading<{ readonly messages: number; readonly perMs: number }> {
  const match = /^(\d+)\s*(?:\/|per)\s*(s|second|m|min|minute|h|hour|d|day)$/iu.exec(text.trim());
  const messages = Number(match?.[1] ?? 0);
  const perMs = durationUnits[match?.[2]?.slice(0, 1).toLowerCase() ?? ""];
  return perMs === undefined || messages === 0
    ? wrong(`"${text}" is not a rate`, 'Write it as in "30/minute", "500/hour" or "5000/day"')
    : good({ messages, perMs });
}

function readPin(text: string): Reading<string> {
  const result = parsePin(text);
  return result.kind === "ok" ? good(text) : wrong(`"${text}" is not a fingerprint: ${result.why}`);
}

function readAccountName(text: string) {
  const name = parseAccountName(text);
  return name === undefined
    ? wrong(
        `"${text}" cannot be a name`,
        "Letters, digits, dot, hyphen and underscore, at most 63, beginning with a letter or digit",
      )
    : good(name);
}

function readLine(text: string): Reading<string> {
  if (text.trim() === "") return wrong("it is empty");
  return /\p{Cc}/u.test(text) ? wrong("it holds a control character") : good(text);
}

export const duration = () => textAs(readDuration, "time");
export const size = () => textAs(readSize, "size");
export const address = () => textAs(readMailAddress, "address");
export const domain = () => textAs(readDomain, "domain");
export const host = () => textAs(readHost, "host");
export const listenAddress = () => textAs(readListen, "address and port");
export const network = () => textAs(readNetwork, "network");
export const fieldName = () => textAs(readFieldName, "field name");
export const rate = () => textAs(readRate, "rate");
export const fingerprint = () => textAs(readPin, "fingerprint");
export const accountName = () => textAs(readAccountName, "name");
/** Text of one line that is not empty: user names, paths. */
export const line = () => textAs(readLine, "text");
export const port = () => z.int().min(1).max(65_535);
