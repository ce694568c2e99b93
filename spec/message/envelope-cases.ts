/**
 * Reads the case files of spec/corpus/envelope (their format is described in the README there). Strict: an unknown key,
 * a key twice or a missing one is an error, so that no case can check less than it seems to.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { addressKey, mustAddress } from "../../src/core/address.ts";
import type { EnvelopePolicy, Place, Source } from "../../src/message/policy.ts";
import { collectorPolicy, profileByName, type Profile } from "../../src/message/profiles.ts";
import { receivedField } from "../../src/message/trace.ts";

export interface EnvelopeCase {
  readonly title: string;
  readonly file: string;
  /** Name of the profile, `custom` or `mailbox`. */
  readonly profile: string;
  readonly form: string;
  readonly policy: EnvelopePolicy;
  readonly message: Buffer;
  readonly expected: Outcome;
  /** Words that must stand in the evidence or in the reason. */
  readonly ignored: string | undefined;
  readonly mapped: string | undefined;
  readonly detail: string | undefined;
}

export interface Outcome {
  /** `deliver`, or `hold` and the reason. */
  readonly expect: string;
  readonly to: readonly string[];
  readonly from: string;
  readonly used: string;
  readonly removed: readonly string[];
}

export const hostname = "popgate.firma.example";

const forms: ReadonlySet<string> = new Set(["documented", "observed", "assumed", "constructed"]);

const keys: ReadonlySet<string> = new Set(
  (
    "source form note profile mailbox domains sources place hosts prefix aliases fallback established " +
    "absent-when-several max-received also-remove ends expect to from used removed ignored detail mapped"
  ).split(" "),
);

/** Every case below the folder, in the order of file names. */
export function readCases(folder: string): readonly EnvelopeCase[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".txt"))
    .toSorted()
    .flatMap((name) => parseFile(relative(folder, join(folder, name)), readFileSync(join(folder, name), "utf8")));
}

function parseFile(file: string, text: string): readonly EnvelopeCase[] {
  const [before, ...cases] = text.split(/^=== /mu);
  if (before?.trim() !== "") throw new TypeError(`${file}: text before the first case`);
  return cases.map((one) => parseCase(file, one));
}

function parseCase(file: string, text: string): EnvelopeCase {
  const cut = text.indexOf("\n---\n");
  const [title = "", ...lines] = text.slice(0, cut < 0 ? 0 : cut).split("\n");
  const where = `${file}: ${title}`;
  if (cut < 0) throw new TypeError(`${where}: no --- before the header block`);
  const facts = new Map<string, string>();
  for (const line of lines) {
    const [, key = "", value = ""] = /^([a-z-]+): *(.*)$/u.exec(line) ?? [];
    if (!keys.has(key)) throw new TypeError(`${where}: no such key: ${line}`);
    if (facts.has(key)) throw new TypeError(`${where}: twice: ${key}`);
    facts.set(key, value.trim());
  }
  return caseOf(new Facts(where, facts), file, title, text.slice(cut + "\n---\n".length));
}

/** The `key: value` lines of one case. */
class Facts {
  readonly #where: string;
  readonly #facts: ReadonlyMap<string, string>;

  constructor(where: string, facts: ReadonlyMap<string, string>) {
    this.#where = where;
    this.#facts = facts;
  }

  get(key: string): string | undefined {
    return this.#facts.get(key);
  }

  must(key: string): string {
    const value = this.#facts.get(key);
    if (value === undefined || value === "") throw new TypeError(`${this.#where}: ${key} is missing`);
    return value;
  }

  list(key: string, separator = ","): readonly string[] {
    const value = this.get(key) ?? "";
    return value === "" || value === "none" ? [] : value.split(separator).map((item) => item.trim());
  }
}

function caseOf(facts: Facts, file: string, title: string, block: string): EnvelopeCase {
  const form = facts.must("form");
  facts.must("source");
  facts.must("removed");
  if (!forms.has(form)) throw new TypeError(`${file}: ${title}: no such form: ${form}`);
  const expect = facts.must("expect");
  if (expect === "deliver") facts.must("to");
  return {
    title,
    file,
    form,
    profile: facts.get("mailbox") === undefined ? facts.must("profile") : "mailbox",
    policy: policyOf(facts),
    message: octets(block, facts.get("ends") === "here"),
    expected: {
      expect,
      to: facts.list("to"),
      from: facts.must("from"),
      used: facts.must("used"),
      removed: facts.list("removed").map((name) => name.toLowerCase()),
    },
    ignored: facts.get("ignored"),
    mapped: facts.get("mapped"),
    detail: facts.get("detail"),
  };
}

function policyOf(facts: Facts): EnvelopePolicy {
  const limits = {
    maxReceived: Number(facts.get("max-received") ?? "50"),
    alsoRemove: facts.list("also-remove").map((name) => name.toLowerCase()),
  };
  const mailbox = facts.get("mailbox");
  if (mailbox !== undefined) {
    return { kind: "mailbox", deliverTo: facts.list("mailbox").map(mustAddress), limits, hostname };
  }
  const sources = facts.list("sources", "; ").map(sourceOf);
  const place = facts.get("place");
  const several = facts.get("absent-when-several");
  const fallback = facts.get("fallback");
  const domains = facts.list("domains");
  return collectorPolicy(profileOf(facts), {
    domains: domains.length === 0 ? ["firma.example"] : domains,
    limits,
    hostname,
    sources: sources.length === 0 ? undefined : sources,
    place: place === undefined ? undefined : placeOf(place),
    providerHosts: facts.get("hosts") === undefined ? undefined : facts.list("hosts"),
    stripPrefix: facts.get("prefix"),
    absentWhenSeveral: several === undefined ? undefined : several === "yes",
    aliases: new Map(
      facts.list("aliases", "; ").map((rule) => {
        const [from = "", to = ""] = rule.split(">").map((part) => part.trim());
        return [addressKey(mustAddress(from)), to.split(",").map((part) => mustAddress(part.trim()))];
      }),
    ),
    fallback: fallback === undefined ? undefined : mustAddress(fallback),
    established: facts.get("established"),
  });
}

function profileOf(facts: Facts): Profile {
  const name = facts.must("profile");
  if (name !== "custom") {
    const found = profileByName(name);
    if (found === undefined) throw new TypeError(`no profile ${name}`);
    return found;
  }
  return {
    name,
    title: name,
    place: placeOf(facts.must("place")),
    sources: [sourceOf(facts.must("sources").split("; ")[0] ?? "")],
    providerHosts: [],
    stripPrefix: undefined,
    absentWhenSeveral: false,
    traceMark: undefined,
    certainty: "assumed",
    reference: "none",
  };
}

function sourceOf(text: string): Source {
  if (text === "to-cc") return { kind: "to-cc" };
  const [, hosts] = /^received-for(?: by (.+))?$/u.exec(text) ?? [];
  if (text.startsWith("received-for")) return { kind: "received-for", by: hosts?.split(" ") ?? [] };
  const [, name, occurrence = "topmost", pattern] =
    /^field (\S+)(?: (topmost|lowest|all))?(?: "(.*)")?$/u.exec(text) ?? [];
  if (name === undefined) throw new TypeError(`no source: ${text}`);
  const which = occurrence === "lowest" || occurrence === "all" ? occurrence : "topmost";
  return { kind: "field", name, pattern, occurrence: which };
}

function placeOf(text: string): Place {
  const [, hops] = /^top (\d+)$/u.exec(text) ?? [];
  if (hops !== undefined) return { kind: "top", trustedHops: Number(hops) };
  if (!text.startsWith("bottom")) throw new TypeError(`no place: ${text}`);
  const markers = text.slice("bottom".length).trim();
  return {
    kind: "bottom",
    markers: markers === "" ? [] : markers.split(",").map((marker) => marker.trim().toLowerCase()),
  };
}

const own = receivedField({
  hostname,
  from: "pop.provider.example",
  address: "192.0.2.110",
  protocol: "POP3S",
  id: "0abc",
  at: Date.UTC(2026, 10, 24, 8, 0, 0),
});

/** The octets that a header block of the corpus stands for. */
function octets(block: string, asItStands: boolean): Buffer {
  const lines = block.replace(/\n+$/u, "").split("\n");
  if (lines.length === 1 && lines[0] === "") lines.pop();
  const text = lines.map((line) => expand(line)).join("");
  const whole = asItStands || lines.includes("") ? text : `${text}\r\nHello.\r\n`;
  return Buffer.from(whole, "latin1");
}

/** One line of the corpus as octets, each a character of ISO 8859-1. */
function expand(line: string): string {
  const written = Buffer.from(line, "utf8").toString("latin1");
  const repeated = written
    .replaceAll("{{own}}", own.slice(0, -2))
    .replace(/\{\{(\d+) ([^}]*)\}\}/gu, (_, times: string, what: string) => what.repeat(Number(times)));
  const endsItself = /(?:^|[^\\])(?:\\\\)*\\[rn]$/u.test(repeated);
  const bytes = repeated.replace(/\\(?:x([0-9A-Fa-f]{2})|([rnt\\]))/gu, (_, hex?: string, letter?: string) =>
    hex === undefined ? (escapes.get(letter ?? "") ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return endsItself ? bytes : `${bytes}\r\n`;
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["r", "\r"],
  ["n", "\n"],
  ["t", "\t"],
  ["\\", "\\"],
]);
