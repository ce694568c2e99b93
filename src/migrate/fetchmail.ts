/**
 * What a fetchmailrc means to popgate: each user of each server is an account. One local name makes a mailbox, several
 * (or `*`) a collector, as fetchmail(1) tells single drop from multidrop. What has no equal, or is done otherwise, is told
 * with its line. Pure; never throws.
 */
import { readFetchmailrc, type FetchmailFile, type FetchmailServer, type FetchmailUser } from "./fetchmail-entries.ts";
import { Settings } from "./fetchmail-settings.ts";
import { secureConnection, serverPort } from "./fetchmail-connection.ts";
import { envelopeOf } from "./envelope.ts";
import type { Imported, ImportedAccount, ImportedPassword, ImportedTarget, Remark } from "./imported.ts";

/** Reads a fetchmailrc. */
export function importFetchmailrc(text: string): Imported {
  const file = readFetchmailrc(text);
  if (file.servers.length === 0) {
    const nothing = { line: 1, text: "no `poll` and no `skip` stands here: nothing was taken from this file" };
    return { accounts: [], target: undefined, postmaster: undefined, remarks: [nothing] };
  }
  const remarks: Remark[] = [...file.remarks, ...globalRemarks(file)];
  const accounts: ImportedAccount[] = [];
  let target: ImportedTarget | undefined;
  let defaults: FetchmailServer | undefined;
  for (const server of file.servers) {
    if (server.kind === "defaults") defaults = server;
    else {
      const users: readonly FetchmailUser[] =
        server.users.length > 0 ? server.users : [{ line: server.line, name: undefined, settings: [] }];
      for (const user of users) {
        const settings = new Settings([
          ...(defaults?.settings ?? []),
          ...(defaults?.users.flatMap((user) => user.settings) ?? []),
          ...server.settings,
          ...user.settings,
        ]);
        const account = accountOf(server, user, settings, daemonSeconds(file));
        if (account !== undefined) accounts.push(account);
        target = mergedTarget(target, settings);
        remarks.push(...settings.remarks);
      }
    }
  }
  return { accounts, target, postmaster: file.globals.get("postmaster")?.value, remarks };
}

function accountOf(
  server: FetchmailServer,
  user: FetchmailUser,
  settings: Settings,
  daemon: number | undefined,
): ImportedAccount | undefined {
  const protocol = settings.word("proto")?.toLowerCase() ?? "auto";
  if (protocol === "etrn" || protocol === "odmr") {
    settings.tell(
      "proto",
      `${protocol.toUpperCase()} has no equal, and the account was left out: let mail come by SMTP`,
    );
    return undefined;
  }
  const isPop = protocol === "auto" || /^(?:pop3|apop|sdps|kpop)$/u.test(protocol);
  if (!isPop) settings.tell("proto", `popgate fetches by POP3 only; the account stands switched off`);
  if (protocol === "sdps" || protocol === "kpop")
    settings.tell("proto", `${protocol.toUpperCase()} has no equal; plain POP3 is tried instead`);
  const names = namesOf(settings);
  const line = user.settings.length > 0 || user.name !== undefined ? user.line : server.line;
  const polls = daemon === undefined ? undefined : daemon * (settings.number("interval") ?? 1);
  if (daemon === undefined) settings.tell("interval", "without `set daemon` it has no meaning; `every` is the default");
  return {
    kind: names.several ? "collector" : "mailbox",
    line,
    enabled: server.kind === "poll" && isPop,
    host: settings.word("via") ?? server.name,
    ...secureConnection(settings, isPop ? serverPort(settings) : undefined, line),
    user: user.name,
    ...passwordOf(settings),
    auth: protocol === "apop" ? "apop" : authOf(settings),
    everySeconds: polls,
    timeoutSeconds: settings.number("timeout"),
    keep: keepOf(settings),
    maxOctets: settings.number("limit"),
    sessionMessages: settings.number("expunge"),
    envelope: names.several ? fetchmailEnvelope(settings, line) : undefined,
    stripPrefix: names.several ? settings.word("qvirtual") : undefined,
    domains: settings.all("localdomains").flatMap(({ values }) => values),
    deliverTo: names.several ? [] : names.local.map((name) => addressOf(name, settings)),
    mappings: names.mappings.map((mapping) => ({ ...mapping, to: addressOf(mapping.to, settings) })),
  };
}

/** Local names, and whether they make a multidrop box: more than one, or `*`. */
function namesOf(settings: Settings) {
  const lists = settings.all("is");
  const listed = lists.flatMap(({ values }) => values);
  const mappings = lists.flatMap(({ line, pairs }) => pairs.map(([from, to]) => ({ line, from, to })));
  const wildcard = listed.includes("*");
  const several = wildcard || listed.length + mappings.length > 1;
  if (several && !wildcard)
    settings.tell(
      "is",
      "only the names listed here got mail, the rest went to the postmaster; popgate gives Exchange every address of `domains`",
    );
  const local = [...listed, ...mappings.map(({ to }) => to)].filter((name) => name !== "*");
  return { several, local, mappings: several ? mappings : [] };
}

/** `smtpname` is the whole recipient, `smtpaddress` its domain. */
function addressOf(name: string, settings: Settings): string {
  const whole = settings.word("smtpname");
  if (whole !== undefined) return whole;
  const domain = settings.word("smtpaddress");
  return name.includes("@") || domain === undefined ? name : `${name}@${domain}`;
}

function fetchmailEnvelope(settings: Settings, line: number): string | undefined {
  const setting = settings.last("envelope");
  if (setting === undefined || !setting.set) {
    settings.remarks.push({
      line: setting?.line ?? line,
      text:
        "without an envelope field fetchmail goes by Received, To and Cc; popgate learns the field from the box, and " +
        'holds what has none. `envelope = ["to-cc"]` is the old way: it loses blind copies',
    });
    return undefined;
  }
  if (setting.skip > 0)
    settings.tell(
      "envelope",
      `passing over ${setting.skip} such field(s) has no equal; \`trusted_hops\` says how many of the provider's Received fields stand above. \`popgate doctor\` proposes it`,
    );
  const { envelope, remark } = envelopeOf(setting.values[0] ?? "");
  if (remark !== undefined) settings.tell("envelope", remark);
  return envelope;
}

function keepOf(settings: Settings): ImportedAccount["keep"] {
  if (!settings.isSet("keep")) return "until-delivered";
  settings.tell(
    "keep",
    'what fetchmail has fetched is not known to popgate: it fetches what lies in the box once more, unless `initial = "new"` is set',
  );
  return "forever";
}

function passwordOf(settings: Settings): {
  readonly password: ImportedPassword | undefined;
  readonly passwordHint: string;
} {
  const value = settings.word("pass");
  if (value !== undefined) return { password: { kind: "text", value }, passwordHint: "" };
  const file = settings.word("passwordfile");
  if (file !== undefined) return { password: undefined, passwordHint: `fetchmail read it from ${file}` };
  settings.tell("passwordfd", '"passwordfd" has no equal: put the password into a file');
  return { password: undefined, passwordHint: "fetchmail asked for it, or had it in .netrc" };
}

function authOf(settings: Settings): ImportedAccount["auth"] {
  const name = settings.isSet("auth") ? "auth" : "preauth";
  const way = settings.word(name)?.toLowerCase();
  if (way === undefined || way === "any" || way === "password") return undefined;
  if (way === "cram-md5" || way === "login" || way === "plain") return way;
  settings.tell(name, `this way to log in has no equal by itself; \`auth\` and \`oauth\` say what popgate knows`);
  return undefined;
}

function mergedTarget(earlier: ImportedTarget | undefined, settings: Settings): ImportedTarget | undefined {
  const hosts = settings.all("smtphost").flatMap(({ values }) => values);
  if (hosts.length === 0) return earlier;
  const [host = "", port] = (hosts[0] ?? "").split("/");
  const target = { host, port: port !== undefined && /^\d{1,5}$/u.test(port) ? Number(port) : undefined };
  if (earlier !== undefined && earlier.host !== target.host)
    settings.tell("smtphost", "popgate delivers to one server; this one was left out");
  else if (hosts.length > 1) settings.tell("smtphost", "popgate delivers to one server; the first was taken");
  return earlier ?? target;
}

function daemonSeconds({ globals }: FetchmailFile): number | undefined {
  const value = globals.get("daemon")?.value ?? "";
  return /^\d{1,9}$/u.test(value) && Number(value) > 0 ? Number(value) : undefined;
}

/** Statements that are carried over, or say nothing about mail. */
const silentGlobals = new Set(["daemon", "postmaster", "invisible", "showdots", "idfile", "pidfile", "properties"]);

function globalRemarks({ globals }: FetchmailFile): Remark[] {
  return [...globals].flatMap(([name, { line }]) => {
    if (silentGlobals.has(name) || name.startsWith("no")) return [];
    if (name === "logfile" || name === "syslog")
      return [{ line, text: `"set ${name}": popgate logs to its standard output, and so to the journal` }];
    if (/^(?:bouncemail|spambounce|softbounce)$/u.test(name))
      return [
        { line, text: `"set ${name}": popgate never bounces inbound mail; it holds it, and tells the postmaster` },
      ];
    const shown = /^[a-z]{1,32}$/u.test(name) ? `"set ${name}"` : "this statement";
    return [{ line, text: `${shown} has no equal; it was left out` }];
  });
}
