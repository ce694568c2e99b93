/**
 * The options of a fetchmailrc: how each is called, how many words it takes, and, for those that popgate has no equal of,
 * what to tell the person who used it (fetchmail(1), "The run control file").
 */

/** `list`: words up to the next keyword. `envelope`: a number may stand before the name. */
type OptionShape = "flag" | "word" | "number" | "list" | "envelope";

export interface FetchmailOption {
  readonly name: string;
  readonly shape: OptionShape;
  /** Why it is left out; `undefined` if it is carried over. */
  readonly withoutEqual: string | undefined;
}

const own = "nothing needs to be set for it";
const bySmtp = "popgate hands mail over by SMTP, to the host of [exchange]";
const bytes = "popgate hands a message over octet for octet";
const posture = "the network is the operating system's business";
const proof = "servers that ask for a client's certificate are not supported";

/** Names and shapes; with a third part, the reason for having no equal. Several names for one option stand together. */
const table: readonly (readonly [names: string, shape: OptionShape, withoutEqual?: string])[] = [
  ["proto protocol", "word"],
  ["via", "word"],
  ["service port", "word"],
  ["timeout", "number"],
  ["interval", "number"],
  ["envelope", "envelope"],
  ["qvirtual", "word"],
  ["localdomains", "list"],
  ["aka", "list", "recipients are recognised by `domains`, whatever the server is called"],
  ["dns", "flag", own],
  ["checkalias", "flag", own],
  ["uidl", "flag", "popgate always goes by UIDL"],
  ["tracepolls", "flag", "`popgate explain` tells of which box a message came"],
  ["auth authenticate", "word"],
  ["preauth", "word"],
  ["principal", "word", "Kerberos is not supported"],
  ["interface", "word", posture],
  ["monitor", "word", posture],
  ["plugin", "word", "popgate connects to the server itself"],
  ["plugout", "word", bySmtp],
  ["bad-header badheader", "word", bytes],
  ["is to", "list"],
  ["pass password", "word"],
  ["passwordfile", "word"],
  ["passwordfd", "word"],
  ["remote folder", "list", "POP3 knows no folders"],
  ["smtphost smtp", "list"],
  ["smtphunt", "list"],
  ["fetchdomains", "list", "ETRN and ODMR are not supported"],
  ["smtpaddress", "word"],
  ["smtpname", "word"],
  ["antispam", "list", "a refused message is held, and the postmaster is told (`on_reject`)"],
  ["mda", "word", bySmtp],
  ["bsmtp", "word", bySmtp],
  ["lmtp", "flag", bySmtp],
  ["preconnect", "word", "popgate runs no commands around a poll"],
  ["postconnect", "word", "popgate runs no commands around a poll"],
  ["keep", "flag"],
  ["flush", "flag", "popgate deletes nothing that it has not fetched"],
  ["limitflush", "flag", "popgate deletes nothing that it has not fetched"],
  ["fetchall", "flag"],
  ["rewrite", "flag", "addresses in the header stay as they are, and DKIM signatures valid"],
  ["stripcr", "flag", bytes],
  ["forcecr", "flag", "bare LF always becomes CRLF, as SMTP demands"],
  ["pass8bits", "flag", own],
  ["dropstatus", "flag", "Status fields stay; `also_remove` takes them away"],
  ["dropdelivered", "flag", own],
  ["mimedecode", "flag", bytes],
  ["idle", "flag", "IDLE is of IMAP; lower `every` instead"],
  ["limit", "number"],
  ["warnings", "number", "the postmaster is told by a notice (`[notice] every`)"],
  ["batchlimit", "number", "connections to Exchange are kept to `connections` of [exchange]"],
  ["fetchlimit", "number", "a box is always drained whole, in sessions of `session_messages`"],
  ["fetchsizelimit", "number", own],
  ["fastuidl", "number", own],
  ["expunge", "number"],
  ["properties", "word", own],
  ["ssl", "flag"],
  ["sslproto", "word"],
  ["sslcertck", "flag"],
  ["sslcertfile", "word"],
  ["sslcertpath", "word", "name a file in `ca`, if the system's authorities do not do"],
  ["sslcommonname", "word"],
  ["sslfingerprint", "word"],
  ["sslcert", "word", proof],
  ["sslkey", "word", proof],
  ["esmtpname", "word", "set `user` and `password` of [exchange], if it asks for a login"],
  ["esmtppassword", "word", "set `user` and `password` of [exchange], if it asks for a login"],
  ["netsec", "word", posture],
];

const byName = new Map<string, FetchmailOption>(
  table.flatMap(([names, shape, withoutEqual]) => {
    const all = names.split(" ");
    const name = all[0] ?? "";
    return all.map((written): [string, FetchmailOption] => [written, { name, shape, withoutEqual }]);
  }),
);

/** The option that a word names, `no keep` and `nokeep` alike without their `no`. */
export function fetchmailOption(word: string): FetchmailOption | undefined {
  return byName.get(word.toLowerCase());
}

/** Words that only make a fetchmailrc read like English. */
export const noise: ReadonlySet<string> = new Set(["and", "with", "has", "wants", "options", "here", "there"]);

/** What begins an entry. */
export const entryWords: ReadonlySet<string> = new Set(["poll", "server", "skip", "defaults", "set"]);

/** Statements of `set` that take no value. */
export const setFlags: ReadonlySet<string> = new Set([
  "syslog",
  "nosyslog",
  "bouncemail",
  "spambounce",
  "softbounce",
  "invisible",
  "showdots",
]);
