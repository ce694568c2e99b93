/**
 * What a getmailrc (getmail 4 to 6) means to popgate: one file is one account. A retriever for several people makes a
 * collector, a simple one a mailbox. What has no equal, or is done otherwise, is told with its line. Pure; never throws.
 */
import { parsePin } from "../net/tls-policy.ts";
import { envelopeOf } from "./envelope.ts";
import { readIni, tupleTexts, type IniSection, type IniValue } from "./getmail-ini.ts";
import type { Imported, ImportedAccount, ImportedPassword, Remark } from "./imported.ts";

/** Options that say nothing of what becomes of mail: popgate needs none of them. */
const silent = new Set([
  "verbose",
  "use_netrc",
  "netrc_file",
  "to_oldmail_on_each_mail",
  "message_log_verbose",
  "skip_imap_fetch_size",
  "fingerprint",
  "use_peek",
  "record_mailbox",
  "delete_dup_msgids",
]);

/** By section and key: why it is left out. */
const withoutEqual: Readonly<Record<string, string>> = {
  "retriever.certfile": "servers that ask for a client's certificate are not supported",
  "retriever.keyfile": "servers that ask for a client's certificate are not supported",
  "retriever.ssl_ciphers": "ciphers are those of the system",
  "retriever.mailboxes": "POP3 knows no folders",
  "retriever.move_on_delete": "POP3 knows no folders",
  "options.delete_bigger_than": "`max_size` leaves large mail at the provider, and the postmaster is told",
  "options.max_messages_per_session": "a box is always drained whole, in sessions of `session_messages`",
  "options.max_bytes_per_session": "a box is always drained whole, in sessions of `session_messages`",
  "options.delivered_to": "popgate adds no such field: it removes those that name recipients",
  "options.received": "popgate always adds one Received field",
  "options.message_log": "popgate logs to its standard output, and so to the journal",
  "options.message_log_syslog": "popgate logs to its standard output, and so to the journal",
  "options.logfile": "popgate logs to its standard output, and so to the journal",
  "options.mark_read": "POP3 knows no marks",
};

const carriedOver = new Set([
  "retriever.type",
  "retriever.server",
  "retriever.port",
  "retriever.username",
  "retriever.password",
  "retriever.password_command",
  "retriever.timeout",
  "retriever.envelope_recipient",
  "retriever.use_apop",
  "retriever.use_xoauth2",
  "retriever.ca_certs",
  "retriever.ssl_version",
  "retriever.ssl_fingerprints",
  "retriever.ssl_cert_hostname",
  "options.delete",
  "options.delete_after",
  "options.read_all",
  "options.max_message_size",
]);

/** Reads a getmailrc. */
export function importGetmailrc(text: string): Imported {
  const { sections, remarks } = readIni(text);
  const retriever = sections.find(({ name }) => name === "retriever");
  const told: Remark[] = [...remarks, ...sections.flatMap(sectionRemarks)];
  if (retriever === undefined) return { accounts: [], target: undefined, postmaster: undefined, remarks: told };
  const file = new Getmailrc(
    retriever,
    sections.find(({ name }) => name === "options"),
  );
  const account = file.account(sections.find(({ name }) => name === "destination"));
  const all = [...told, ...file.remarks].toSorted((a, b) => a.line - b.line);
  return { accounts: [account], target: undefined, postmaster: undefined, remarks: all };
}

class Getmailrc {
  readonly remarks: Remark[] = [];
  readonly #retriever: IniSection;
  readonly #options: IniSection | undefined;

  constructor(retriever: IniSection, options: IniSection | undefined) {
    this.#retriever = retriever;
    this.#options = options;
  }

  account(destination: IniSection | undefined): ImportedAccount {
    const type = this.#text("type")?.toLowerCase() ?? "";
    const several = type.startsWith("multidrop");
    const isPop = type === "" || type.includes("pop3") || type.includes("sdps");
    if (!isPop) this.#tell("type", "popgate fetches by POP3 only; the account stands switched off");
    if (type.startsWith("brokenuidl"))
      this.#tell("type", "a server without UIDL: popgate tells its messages apart by digests, by itself");
    if (type.includes("sdps")) this.#tell("type", "SDPS has no equal; plain POP3 is tried instead");
    if (destination !== undefined) this.#tellDestination(destination, several);
    const secure = type.includes("ssl") || this.#number("port") === 995;
    if (!secure && isPop)
      this.#tell("type", 'getmail fetched in the clear; where the provider has port 995, set `tls` to "implicit"');
    return {
      kind: several ? "collector" : "mailbox",
      line: this.#retriever.line,
      enabled: isPop,
      host: this.#text("server") ?? "",
      port: isPop ? this.#number("port") : undefined,
      tls: secure ? "implicit" : "off",
      minTls: undefined,
      user: this.#text("username"),
      ...this.#password(),
      auth: isTrue(this.#text("use_apop")) ? "apop" : undefined,
      fingerprints: this.#pins(),
      ca: this.#text("ca_certs"),
      servername: this.#text("ssl_cert_hostname"),
      everySeconds: undefined,
      timeoutSeconds: this.#number("timeout"),
      keep: this.#keep(),
      maxOctets: this.#number("max_message_size", this.#options),
      sessionMessages: undefined,
      envelope: several ? this.#envelope() : undefined,
      stripPrefix: undefined,
      domains: [],
      deliverTo: [],
      mappings: [],
    };
  }

  #value(key: string, section: IniSection | undefined = this.#retriever): IniValue | undefined {
    return section?.values.get(key);
  }

  #text(key: string, section?: IniSection): string | undefined {
    const text = this.#value(key, section)?.text;
    return text === undefined || text === "" || text.toLowerCase() === "none" ? undefined : text;
  }

  /** Above zero: getmail's 0 is "none". */
  #number(key: string, section?: IniSection): number | undefined {
    const text = this.#text(key, section);
    return text !== undefined && /^\d{1,12}$/u.test(text) && Number(text) > 0 ? Number(text) : undefined;
  }

  #tell(key: string, text: string, section?: IniSection): void {
    this.remarks.push({ line: this.#value(key, section)?.line ?? this.#retriever.line, text });
  }

  #password(): { readonly password: ImportedPassword | undefined; readonly passwordHint: string } {
    if (isTrue(this.#text("use_xoauth2")))
      this.#tell("use_xoauth2", "set `oauth` by hand; `popgate login` fetches the token");
    const value = this.#value("password")?.text;
    if (value !== undefined && value !== "") return { password: { kind: "text", value }, passwordHint: "" };
    const command = tupleTexts(this.#text("password_command") ?? "");
    if (command.length > 0) return { password: { kind: "command", command }, passwordHint: "" };
    return { password: undefined, passwordHint: "getmail asked for it, or had it in .netrc or a keyring" };
  }

  #pins(): readonly string[] {
    return tupleTexts(this.#text("ssl_fingerprints") ?? "").flatMap((written) => {
      if (parsePin(written).kind === "ok") return [written];
      this.#tell("ssl_fingerprints", "not a SHA-256 fingerprint; `popgate doctor` shows the one for `fingerprint`");
      return [];
    });
  }

  #keep(): ImportedAccount["keep"] {
    const options = this.#options;
    if (options !== undefined && isTrue(this.#text("read_all", options)))
      this.#tell("read_all", "popgate fetches each message once, whatever stays in the box", options);
    if (options !== undefined && isTrue(this.#text("delete", options))) return "until-delivered";
    const days = options === undefined ? undefined : this.#number("delete_after", options);
    this.remarks.push({
      line: this.#value("delete_after", options)?.line ?? this.#retriever.line,
      text: 'what getmail has fetched is not known to popgate: it fetches what lies in the box once more, unless `initial = "new"` is set',
    });
    return days === undefined ? "forever" : { days };
  }

  #envelope(): string | undefined {
    const written = this.#text("envelope_recipient");
    const [name = "", position = "1"] = (written ?? "").split(":").map((part) => part.trim());
    if (name === "") {
      this.#tell("type", "no envelope_recipient is set; popgate learns the field from the box");
      return undefined;
    }
    if (position !== "1")
      this.#tell(
        "envelope_recipient",
        `the field at position ${/^-?\d{1,4}$/u.test(position) ? position : "?"} has no equal; \`trusted_hops\` says how many of the provider's Received fields stand above. \`popgate doctor\` proposes it`,
      );
    const { envelope, remark } = envelopeOf(name);
    if (remark !== undefined) this.#tell("envelope_recipient", remark);
    return envelope;
  }

  #tellDestination({ line, values }: IniSection, several: boolean): void {
    const type = /^[a-z_]{1,40}$/iu.exec(values.get("type")?.text ?? "")?.[0] ?? "this destination";
    const text = several
      ? `${type} has no equal: Exchange gets each message with its recipients`
      : `${type} has no equal: set in \`deliver_to\` who gets the mail of this box`;
    this.remarks.push({ line: values.get("type")?.line ?? line, text });
  }
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && /^(?:true|yes|on|1)$/iu.test(text);
}

/** What is known to have no equal, and what is not known at all. */
function sectionRemarks({ name, line, values }: IniSection): Remark[] {
  if (name.startsWith("filter"))
    return [{ line, text: "filters have no equal: let Exchange, or the provider, filter mail" }];
  if (name === "destination") return [];
  if (name !== "retriever" && name !== "options")
    return [{ line, text: "this section has no equal: who gets what is decided by the envelope and `[aliases]`" }];
  return [...values].flatMap(([key, value]) => {
    const path = `${name}.${key}`;
    if (carriedOver.has(path) || silent.has(key)) return [];
    const reason = withoutEqual[path];
    // What is unknown is not shown: it may be a piece of a password that goes on in a line of its own.
    const text =
      reason === undefined ? "a key that is not known here; it was left out" : `"${key}" has no equal: ${reason}`;
    return [{ line: value.line, text }];
  });
}
