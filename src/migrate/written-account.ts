/**
 * The lines of one `[[collector]]` or `[[mailbox]]` in a configuration that is made from another program's. A value that
 * popgate would refuse does not get in: its line stands as a comment with "set this" and the reason. Pure.
 */
import { isIP } from "node:net";
import { domainOf, parseAddress, parseDomain } from "../core/address.ts";
import type { ImportedAccount, Remark } from "./imported.ts";

/** A secret to put into a file of its own, beside the configuration. */
export interface SecretToWrite {
  readonly file: string;
  readonly value: string;
}

export interface WrittenAccount {
  readonly lines: readonly string[];
  readonly secret: SecretToWrite | undefined;
  readonly remarks: readonly Remark[];
}

/** What of the rest of the file an account has to agree with. */
export interface AccountContext {
  readonly name: string;
  /** At the top of the file, as popgate writes domains. */
  readonly domains: readonly string[];
  /** Another account polls the same box already. */
  readonly repeated: boolean;
}

export const setThis = "set this";

const implicitPorts: ReadonlySet<number> = new Set([465, 993, 995]);
const plainPorts: ReadonlySet<number> = new Set([25, 110, 143, 587]);
/** A message larger than the spool's default cannot be taken in. */
const largestMessage = 10 * 1024 ** 3;
const longestPauseSeconds = 7 * 86_400;
const longestKeepDays = 3650;
const longestPassword = 4096;

/** Text as TOML has it between quotes; what TOML cannot hold becomes U+FFFD. */
export function tomlText(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll("\u007f", "\\u007F");
}

/** A line for a person to complete. Never anything secret. */
export function toSet(key: string, example: string, why: string): string {
  return `# ${key} = ${example}   # ${setThis}${why === "" ? "" : `: ${why}`}`.replaceAll(/\p{Cc}|\p{Cs}/gu, "\uFFFD");
}

export function tomlList(texts: readonly string[]): string {
  return `[${texts.map(tomlText).join(", ")}]`;
}

/** A name or an IP address that the configuration takes. */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  return !/[/:]/u.test(text) && !/^[\d.]+$/u.test(text) && parseDomain(text) !== undefined;
}

function isLine(text: string): boolean {
  return text.trim() !== "" && !/\p{Cc}|\p{Cs}/u.test(text);
}

/** Writes one account. */
export function writeAccount(account: ImportedAccount, context: AccountContext): WrittenAccount {
  const remarks: Remark[] = [];
  const tell = (text: string) => void remarks.push({ line: account.line, text });
  if (context.repeated) tell("this box stands here twice; the second account stands switched off");
  const password = passwordLine(account, context.name);
  const lines = [
    `[[${account.kind}]]`,
    `name = ${tomlText(context.name)}`,
    ...(account.enabled && !context.repeated ? [] : ["enabled = false"]),
    isHost(account.host) ? `host = ${tomlText(account.host)}` : toSet("host", '"pop.provider.example"', "the server"),
    ...connectionLines(account, tell),
    account.user !== undefined && isLine(account.user)
      ? `user = ${tomlText(account.user)}`
      : toSet("user", '"login"', "the login name at the provider"),
    password.line,
    ...(account.auth === undefined ? [] : [`auth = ${tomlText(account.auth)}`]),
    ...timeLines(account, tell),
    ...(account.kind === "collector" ? collectorLines(account, context) : [recipientLine(account, context)]),
  ];
  return { lines, secret: password.secret, remarks };
}

function connectionLines(account: ImportedAccount, tell: (text: string) => void): string[] {
  const { tls, port } = account;
  const lines = [`tls = ${tomlText(tls)}`];
  const wrong =
    port !== undefined &&
    (port < 1 || port > 65_535 || (tls === "implicit" ? plainPorts.has(port) : implicitPorts.has(port)));
  if (wrong) tell(`port ${port} does not go with tls = "${tls}"; the usual port is used`);
  else if (port !== undefined && port !== (tls === "implicit" ? 995 : 110)) lines.push(`port = ${port}`);
  if (tls === "off") return lines;
  if (account.minTls !== undefined) lines.push(`min_tls = ${tomlText(account.minTls)}`);
  if (account.fingerprints.length > 0) lines.push(`fingerprint = ${tomlList(account.fingerprints)}`);
  if (account.servername !== undefined && isHost(account.servername))
    lines.push(`servername = ${tomlText(account.servername)}`);
  if (account.ca !== undefined)
    lines.push(toSet("ca", tomlText(account.ca), "only if the system does not know the authority"));
  return lines;
}

function passwordLine(
  { password, passwordHint }: ImportedAccount,
  name: string,
): { readonly line: string; readonly secret: SecretToWrite | undefined } {
  const file = `${name}.password`;
  if (password?.kind === "command" && password.command.every((word) => !/[\0\p{Cs}]/u.test(word)))
    return { line: `password = { command = ${tomlList(password.command)} }`, secret: undefined };
  // A file of a secret holds one line.
  if (password?.kind === "text" && isLine(password.value) && password.value.length <= longestPassword)
    return {
      line: `password = { file = ${tomlText(file)} }`,
      secret: { file, value: password.value },
    };
  const why = password === undefined ? passwordHint : "the one in the old file cannot stand in a line";
  return { line: toSet("password", `{ file = ${tomlText(file)} }`, why), secret: undefined };
}

function timeLines(account: ImportedAccount, tell: (text: string) => void): string[] {
  const lines: string[] = [];
  const { everySeconds, timeoutSeconds, keep, maxOctets, sessionMessages } = account;
  if (everySeconds !== undefined) {
    const seconds = Math.max(60, Math.min(everySeconds, longestPauseSeconds));
    if (seconds !== everySeconds) tell(`a poll every ${everySeconds} seconds became one every ${seconds}`);
    lines.push(`every = "${seconds}s"`);
  }
  if (timeoutSeconds !== undefined) lines.push(`timeout = "${Math.max(5, Math.min(timeoutSeconds, 3600))}s"`);
  if (typeof keep === "string") lines.push(`keep = ${tomlText(keep)}`);
  else lines.push(keep.days > longestKeepDays ? 'keep = "forever"' : `keep = "${keep.days}d"`);
  if (keep !== "until-delivered")
    lines.push('# initial = "new"   # leaves what is in the box now; without it, everything is fetched once');
  if (maxOctets !== undefined && maxOctets <= largestMessage) lines.push(`max_size = "${maxOctets} B"`);
  if (sessionMessages !== undefined) lines.push(`session_messages = ${Math.min(sessionMessages, 100_000)}`);
  return lines;
}

function collectorLines(account: ImportedAccount, context: AccountContext): string[] {
  const lines = [account.envelope === undefined ? 'profile = "auto"' : `envelope = ${tomlList([account.envelope])}`];
  if (account.stripPrefix !== undefined && isLine(account.stripPrefix))
    lines.push(`strip_prefix = ${tomlText(account.stripPrefix)}`);
  const own = [...new Set(account.domains.flatMap((text) => parseDomain(text) ?? []))];
  if (own.length > 0 && own.length < context.domains.length) lines.push(`domains = ${tomlList(own)}`);
  return lines;
}

function recipientLine({ deliverTo }: ImportedAccount, { domains }: AccountContext): string {
  const addresses = deliverTo.filter((text) => {
    const result = parseAddress(text);
    return result.kind === "ok" && domains.includes(domainOf(result.address));
  });
  if (addresses.length > 0 && addresses.length === deliverTo.length) return `deliver_to = ${tomlList(addresses)}`;
  const [name = "somebody"] = deliverTo;
  const example = name.includes("@") ? name : `${name}@${domains[0] ?? "firma.example"}`;
  return toSet("deliver_to", tomlList([example]), "who gets the mail of this box");
}
