/**
 * Which profile must be learnt from a box whose mail has the forms of the envelope table. Each row takes one case of
 * spec/corpus/envelope, writes it as it would stand there for twelve different people, and says what must be learnt:
 * the profile, or `undecided` where a wrong guess would send everybody's mail to one address or follow the sender.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseHeaderBlock, type HeaderBlock } from "../../src/message/header.ts";
import { learnProfile, type LearnBase, type Learnt } from "../../src/message/learn.ts";
import { profiles } from "../../src/message/profiles.ts";
import { hostname, readCases } from "./envelope-cases.ts";

const cases = readCases(fileURLToPath(new URL("../corpus/envelope", import.meta.url)));

const base: LearnBase = {
  domains: ["firma.example"],
  hostname,
  limits: { maxReceived: 50, alsoRemove: [] },
  stripPrefix: undefined,
  aliases: new Map(),
  fallback: undefined,
  established: undefined,
};

interface Row {
  readonly file: string;
  readonly title: string;
  readonly learnt: string;
}

const row = (file: string, title: string, learnt: string): Row => ({ file: `${file}.txt`, title, learnt });

const rows: readonly Row[] = [
  row("exim/exim", "one recipient, as Exim writes it: lower-case t, for clause without brackets", "exim"),
  row("exim/exim", "a blind copy arrives, and the trace does not name who got it", "exim"),
  row("exim/exim", "only a forged Envelope-to below: held", "undecided"),
  row("exim/exim", "no Received field at all: nobody can say who wrote the Envelope-to", "undecided"),
  row("hetzner/hetzner", "Exim's fields above a Received field of your-server.de", "hetzner"),
  row("postfix/postfix", "local delivery: X-Original-To is the envelope", "postfix"),
  row("postfix/postfix", "virtual maps: Delivered-To names the box, not the recipient", "postfix"),
  row("postfix/postfix", "the D flag alone, read by its own profile", "postfix-delivered-to"),
  row("postfix/postfix", "only the list's X-Original-To: held", "undecided"),
  row("all-inkl/all-inkl", "Postfix fields above a Received field of kasserver.com", "all-inkl"),
  row("all-inkl/all-inkl", "a blind copy", "all-inkl"),
  row("qmail/qmail", "without prefix", "qmail"),
  row("qmail/qmail", "Delivered-To only below qmail's Received fields: the sender's", "undecided"),
  row("sendmail/received-for", "sendmail: for with one recipient", "sendmail"),
  row("sendmail/received-for", "several recipients: no for, and the forged line below is not asked", "undecided"),
  row("dovecot/dovecot", "LMTP with one recipient", "dovecot-lmtp"),
  row("ionos/ionos", "at the end of the header block, before the inbound report", "ionos"),
  row("ionos/ionos", "a blind copy", "ionos"),
  row("ionos/ionos", "only a sender's, in the middle: held", "undecided"),
  row("gmx/gmx", "GMX today: Envelope-To beside the X-GMX fields at the end", "gmx"),
  row("gmx/gmx", "WEB.DE: the same platform", "web-de"),
  row("gmx/gmx", "GMX of old: the address in words, on top", "gmx-old"),
  row("strato/strato", "on top, above Authentication-Results and the Received field of rzone.de", "strato"),
  row("strato/strato", "a list copy that still carries another customer's X-Envelope-To and rzone Received", "strato"),
  row("fastmail/fastmail", "below the LMTP hop, above the proxy's", "fastmail"),
  row("fastmail/fastmail", "only the list server's", "undecided"),
  row("yahoo/yahoo", "address, via, IP address, date", "yahoo"),
  row("gmail/gmail", "Delivered-To is the first field", "gmail"),
  row("proton/proton", "Return-Path, X-Original-To and Delivered-To on top", "proton"),
  row("mdaemon/mdaemon", "the block at the end of the header", "mdaemon"),
  row("others/others", "Cyrus IMAP writes no recipient", "undecided"),
  row("others/others", "T-Online: only message ids of its own", "undecided"),
  row("others/others", "Host Europe, domainfactory: unknown, so nothing is guessed", "undecided"),
  row("policy/to-cc", "local addresses of To and Cc", "undecided"),
];

/** The same header for twelve people: whoever the case names, the n-th message names somebody else. */
function box(file: string, title: string): readonly HeaderBlock[] {
  const found = cases.find((one) => one.file === file && one.title === title);
  if (found === undefined) throw new TypeError(`no case ${file}: ${title}`);
  const text = found.message.toString("latin1");
  return Array.from({ length: 12 }, (_, n) =>
    parseHeaderBlock(Buffer.from(text.replaceAll(/\b(?:anna|wer)@firma\.example/giu, `p${n}@firma.example`), "latin1")),
  );
}

const named = (learnt: Learnt): string => (learnt.kind === "learnt" ? learnt.profile.name : learnt.kind);

describe("what is learnt from twelve messages of one form", () => {
  it.each(rows)("$file: $title → $learnt", ({ file, title, learnt }) => {
    expect(named(learnProfile(box(file, title), base))).toBe(learnt);
  });

  it("has a row for every profile but those that mail alone cannot tell apart", () => {
    // Courier without a prefix writes what any other Delivered-To system writes; cPanel's mail has Dovecot's fields too.
    const told = new Set(rows.map(({ learnt }) => learnt));
    expect(profiles.map(({ name }) => name).filter((name) => !told.has(name))).toEqual(["cpanel", "courier"]);
  });
});

describe("what must not be learnt", () => {
  const catchAll = box("exim/cpanel.txt", "catch-all: Delivered-To and LMTP name the box, Envelope-to the recipient");

  it("never takes the catch-all box's own address for everybody's", () => {
    expect(named(learnProfile(catchAll, base))).toBe("cpanel");
  });

  const delivered = (to: (n: number) => string): readonly HeaderBlock[] =>
    Array.from({ length: 12 }, (_, n) =>
      parseHeaderBlock(
        Buffer.from(
          `Delivered-To: sammel@firma.example\r\nReceived: from mx.provider.example by mda.provider.example with LMTP id x; Tue, 3 Nov 2026 10:00:00 +0100\r\nTo: ${to(n)}\r\n\r\n`,
        ),
      ),
    );

  it("does not believe one address for everybody when To and Cc name others", () => {
    expect(
      named(
        learnProfile(
          delivered((n) => `p${n}@firma.example`),
          base,
        ),
      ),
    ).toBe("undecided");
    expect(
      named(
        learnProfile(
          delivered(() => "list@lists.example"),
          base,
        ),
      ),
    ).toBe("undecided");
  });

  it("believes one address for everybody when To and Cc bear it out", () => {
    expect(
      named(
        learnProfile(
          delivered(() => "sammel@firma.example"),
          base,
        ),
      ),
    ).toBe("dovecot-lmtp");
  });

  it("does not mix two providers' mail into one profile", () => {
    const mixed = [
      ...box("strato/strato.txt", "on top, above Authentication-Results and the Received field of rzone.de"),
      ...box("ionos/ionos.txt", "at the end of the header block, before the inbound report"),
    ];
    expect(named(learnProfile(mixed, base))).not.toMatch(/^(?:strato|ionos)$/u);
  });
});
