/**
 * A `popgate.toml` from what other programs' files say, and the secrets that go into files beside it. What popgate must
 * know and those files do not say stands in it as a comment with "set this": nothing is guessed. Apart from that the
 * result is a good configuration. It holds no password. Pure.
 */
import { addressKey, domainOf, parseAddress, parseDomain } from "../core/address.ts";
import type { Imported, ImportedAccount, Remark } from "./imported.ts";
import { isHost, setThis, toSet, tomlList, tomlText, writeAccount, type SecretToWrite } from "./written-account.ts";

export interface ImportedFile {
  readonly name: string;
  readonly imported: Imported;
}

export interface WrittenConfig {
  readonly toml: string;
  readonly secrets: readonly SecretToWrite[];
  /** In the order of the files and their lines. */
  readonly remarks: readonly (Remark & { readonly file: string })[];
}

/** Writes one configuration for all these files. */
export function writeConfig(files: readonly ImportedFile[]): WrittenConfig {
  const domains = domainsOf(files);
  const remarks = files.flatMap(({ name, imported }) => imported.remarks.map((remark) => ({ ...remark, file: name })));
  const accounts = files.flatMap(({ name, imported }) => imported.accounts.map((account) => ({ account, file: name })));
  const names = new Set<string>();
  const boxes = new Set<string>();
  const secrets: SecretToWrite[] = [];
  const blocks: string[] = [];
  for (const { account, file } of accounts) {
    const name = freeName(account, names);
    const box = `${account.user ?? ""}\n${parseDomain(account.host) ?? account.host.toLowerCase()}`;
    const repeated = account.enabled && account.user !== undefined && boxes.has(box);
    if (account.enabled) boxes.add(box);
    const written = writeAccount(account, { name, domains, repeated });
    blocks.push(`# ${printableName(file)}, line ${account.line}\n${written.lines.join("\n")}`);
    if (written.secret !== undefined) secrets.push(written.secret);
    remarks.push(...written.remarks.map((remark) => ({ ...remark, file })));
  }
  const toml = [head(files, domains), aliasBlock(accounts, domains), exchangeBlock(files), ...blocks];
  const order = new Map(files.map(({ name }, index) => [name, index]));
  return {
    toml: `${toml.filter((block) => block !== "").join("\n\n")}\n`,
    secrets,
    remarks: distinct(remarks).toSorted(
      (a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line,
    ),
  };
}

/** What stands under `defaults` is told once, not for each account. */
function distinct<T extends Remark & { readonly file: string }>(remarks: readonly T[]): T[] {
  return [...new Map(remarks.map((remark) => [`${remark.file}\n${remark.line}\n${remark.text}`, remark])).values()];
}

/** Every domain that one of the files names as its own, in the order of appearance. */
function domainsOf(files: readonly ImportedFile[]): readonly string[] {
  const accounts = files.flatMap(({ imported }) => imported.accounts);
  const written = accounts.flatMap(({ domains }) => domains);
  const addressed = accounts
    .flatMap(({ deliverTo, mappings }) => [...deliverTo, ...mappings.map(({ to }) => to)])
    .flatMap((text) => {
      const result = parseAddress(text);
      return result.kind === "ok" ? [domainOf(result.address)] : [];
    });
  const named = [...written, ...addressed].filter((text) => !text.includes("@") && !text.startsWith("["));
  return [...new Set(named.flatMap((text) => parseDomain(text) ?? []))];
}

function head(files: readonly ImportedFile[], domains: readonly string[]): string {
  const [domain = "firma.example"] = domains;
  const postmaster = files.flatMap(({ imported }) => imported.postmaster ?? []).find(isAddress);
  return [
    `# Made by \`popgate import\`. Complete the lines that say "${setThis}", then: popgate check --config THIS-FILE`,
    "",
    toSet("hostname", tomlText(`popgate.${domain}`), "the name of this machine, with its domain"),
    postmaster === undefined
      ? toSet("postmaster", tomlText(`postmaster@${domain}`), "who is told of mail that needs a person")
      : `postmaster = ${tomlText(postmaster)}`,
    domains.length === 0
      ? toSet("domains", '["firma.example"]', "the mail domains of the company")
      : `domains = ${tomlList(domains)}`,
  ].join("\n");
}

function exchangeBlock(files: readonly ImportedFile[]): string {
  const target = files.flatMap(({ imported }) => imported.target ?? [])[0];
  const own = target === undefined || /^(?:localhost|127\.[\d.]+|::1)$/iu.test(target.host) || !isHost(target.host);
  const lines = [
    "[exchange]",
    own
      ? toSet("host", '"exchange.firma.local"', "the server that mail is delivered to")
      : `host = ${tomlText(target.host)}`,
  ];
  const port = target?.port;
  if (!own && port !== undefined && port >= 1 && port <= 65_535 && ![25, 465, 993, 995].includes(port))
    lines.push(`port = ${port}`);
  return lines.join("\n");
}

interface Aliased {
  readonly from: string;
  readonly to: string[];
}

/** Renamed people: `old=new` of a box for several. An address outside the domains cannot be an alias. */
function aliasBlock(
  accounts: readonly { readonly account: ImportedAccount; readonly file: string }[],
  domains: readonly string[],
): string {
  const aliases = new Map<string, Aliased>();
  const open: string[] = [];
  for (const { account } of accounts) {
    const own = account.domains.flatMap((text) => parseDomain(text) ?? []);
    for (const { from, to } of account.mappings) {
      const froms = from.includes("@") ? [from] : (own.length > 0 ? own : domains).map((domain) => `${from}@${domain}`);
      const target = to.includes("@") || domains.length !== 1 ? to : `${to}@${domains[0] ?? ""}`;
      const usable = froms.length > 0 && [...froms, target].every((text) => isOwn(text, domains));
      if (usable) for (const address of froms) addAlias(aliases, address, target);
      else open.push(toSet(tomlText(froms[0] ?? from), tomlList([whole(to, domains)]), "whole addresses of `domains`"));
    }
  }
  if (aliases.size === 0 && open.length === 0) return "";
  const lines = [...aliases.values()].map(({ from, to }) => `${tomlText(from)} = ${tomlList(to)}`);
  return ["[aliases]", ...lines, ...new Set(open)].join("\n");
}

function whole(name: string, [domain]: readonly string[]): string {
  return name.includes("@") || domain === undefined ? name : `${name}@${domain}`;
}

function addAlias(aliases: Map<string, Aliased>, from: string, to: string): void {
  const parsed = parseAddress(from);
  const key = parsed.kind === "ok" ? addressKey(parsed.address) : from.toLowerCase();
  const known = aliases.get(key);
  if (known === undefined) aliases.set(key, { from, to: [to] });
  else if (!known.to.includes(to)) known.to.push(to);
}

function isAddress(text: string): boolean {
  return parseAddress(text).kind === "ok";
}

function isOwn(text: string, domains: readonly string[]): boolean {
  const result = parseAddress(text);
  return result.kind === "ok" && domains.includes(domainOf(result.address));
}

/** From the login, else the server: what a person would call the account. */
function freeName({ user, host, line }: ImportedAccount, taken: Set<string>): string {
  const wanted = [user?.split("@")[0], host, `line-${line}`].map(nameFrom).find((name) => name !== "") ?? "account";
  let name = wanted;
  for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${wanted}-${count}`;
  taken.add(name.toLowerCase());
  return name;
}

function nameFrom(text = ""): string {
  return text
    .replaceAll(/[^A-Za-z0-9._-]+/gu, "-")
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/gu, "")
    .slice(0, 48);
}

function printableName(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Cs}/gu, "\uFFFD");
}
