import { describe, expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { reportLines } from "../../src/doctor/report.ts";
import { planProbe, probeKindOf, probeKinds, type ProbeKind } from "../../src/doctor/probe-mails.ts";
import { judge, type ProbeCopy, type Verdict } from "../../src/doctor/probe-verdict.ts";
import { verdictFindings } from "../../src/doctor/probe-words.ts";
import { parseHeaderBlock } from "../../src/message/header.ts";
import type { LearnBase } from "../../src/message/learn.ts";
import { collectorPolicy, profileByName } from "../../src/message/profiles.ts";
import * as providers from "./probe-providers.ts";
import type { Storing } from "./probe-providers.ts";

const plan = planProbe({
  token: "0123456789abcdef",
  sender: mustAddress("postmaster@firma.example"),
  recipients: [
    mustAddress("anna@firma.example"),
    mustAddress("bernd@firma.example"),
    mustAddress("chef@firma.example"),
  ],
  hostname: "popgate.firma.example",
  at: Date.UTC(2026, 10, 24, 8, 59),
});

const base: LearnBase = {
  domains: ["firma.example"],
  // Nothing is mapped while the truth is sought.
  aliases: new Map(),
  stripPrefix: undefined,
  fallback: mustAddress("postmaster@firma.example"),
  established: undefined,
  limits: { maxReceived: 50, alsoRemove: [] },
  hostname: "popgate.firma.example",
};

/** What lies in the box of a provider that stores so. */
function copiesOf(storing: Storing, without: readonly ProbeKind[] = []): ProbeCopy[] {
  return plan.mails
    .filter(({ kind }) => !without.includes(kind))
    .flatMap(({ recipients, octets }) =>
      storing({ reversePath: "postmaster@firma.example", recipients, raw: octets }).map((raw) => {
        const header = parseHeaderBlock(raw);
        const kind = probeKindOf(header, plan.token);
        if (kind === undefined) throw new Error("the mark is gone");
        return { kind, header };
      }),
    );
}

function verdictOn(storing: Storing, configured?: string, without?: readonly ProbeKind[]): Verdict {
  const profile = profileByName(configured ?? "");
  return judge(copiesOf(storing, without), {
    sent: new Map(plan.mails.map(({ kind, recipients }) => [kind, recipients])),
    forged: plan.forged,
    base,
    configured: profile === undefined ? undefined : collectorPolicy(profile, base),
  });
}

const words = (verdict: Verdict): string => reportLines(verdictFindings(verdict, "sammel")).join("\n");
const right = { to: "right", cc: "right", bcc: "right", several: "right" } as const;

describe("the verdict on a provider", () => {
  test.each<[string, Storing, Verdict["fit"], readonly string[], Partial<Record<ProbeKind, string>>]>([
    ["Exim, one copy for all", providers.exim, "yes", ['profile = "exim"'], right],
    ["Exim, behind which forged fields are removed", providers.cleaning, "yes", ['profile = "exim"'], right],
    ["Postfix, a copy each", providers.postfix, "yes", ['profile = "postfix"'], right],
    ["qmail", providers.qmail, "yes", ['profile = "qmail"'], right],
    ["IONOS, at the bottom", providers.ionos, "yes", ['profile = "ionos"'], right],
    [
      "Dovecot LMTP: no field for several",
      providers.dovecot,
      "limits",
      ['profile = "dovecot-lmtp"'],
      { ...right, several: "held" },
    ],
    [
      "a copy each, and every copy names all",
      providers.eximRepeating,
      "limits",
      ['profile = "exim"'],
      { ...right, several: "repeated" },
    ],
  ])("%s", (_, storing, fit, lines, given) => {
    const verdict = verdictOn(storing);
    expect(words(verdict)).toContain(fit === "yes" ? "fit for a collector: every mail" : "with limits");
    expect(verdict.fit).toBe(fit);
    expect(verdict.best?.choice.lines).toEqual(lines);
    expect(verdict.best?.strays).toEqual([]);
    expect(Object.fromEntries(verdict.best?.given ?? [])).toEqual(given);
  });

  test.each<[string, Storing, string]>([
    ["one that writes nothing", providers.nothing, "nothing that it writes into the mail names the recipient"],
    [
      "one behind a catch-all",
      providers.rewriting,
      "names sammel@firma.example for every mail, which is the box itself",
    ],
    ["one that leaves forged fields on top", providers.forgedOnTop, "a field for the provider's that a sender wrote"],
  ])("not fit: %s", (_, storing, why) => {
    const verdict = verdictOn(storing);
    expect(verdict.fit).toBe("no");
    expect(words(verdict)).toContain(why);
    // No lines that would have the wrong people get mail.
    expect(words(verdict)).not.toContain("profile =");
  });

  test("nothing came back, or no blind copy", () => {
    expect(verdictOn(providers.exim, undefined, probeKinds).fit).toBe("unknown");
    const verdict = verdictOn(providers.exim, undefined, ["bcc"]);
    expect(verdict.fit).toBe("unknown");
    expect(words(verdict)).toContain("spam folder");
  });

  test("some of it did not come back", () => {
    const verdict = verdictOn(providers.postfix, undefined, ["several"]);
    expect(verdict.fit).toBe("limits");
    expect(words(verdict)).toContain("mail to three at once has not come back");
  });

  test("a configuration that does it right is told so", () => {
    expect(words(verdictOn(providers.exim, "exim"))).toContain("The account is configured so that it does.");
  });

  test("a configuration that does it wrong is told what it does", () => {
    const held = words(verdictOn(providers.exim, "ionos"));
    expect(held).toContain(
      "as it is configured now, mail in To, mail in Cc, a blind copy, mail to three at once is held",
    );
    expect(held).toContain('profile = "exim"');
  });

  test("what a sender forges is told by where it ends up", () => {
    const where = (storing: Storing) =>
      Object.fromEntries(verdictOn(storing).forged.map(({ name, where: place }) => [name, place]));
    expect(where(providers.exim)).toMatchObject({ "Envelope-To": "below", "Delivered-To": "below" });
    expect(where(providers.cleaning)).toMatchObject({ "Envelope-To": "removed", "X-Envelope-To": "below" });
    expect(where(providers.forgedOnTop)).toMatchObject({ "Envelope-To": "above", "X-Original-To": "above" });
    expect(verdictOn(providers.exim, undefined, ["cc"]).forged).toEqual([]);
  });

  test("each field is named with its place", () => {
    expect(words(verdictOn(providers.exim))).toMatch(/Envelope-to stands above the Received fields, in 3 message/u);
    expect(words(verdictOn(providers.ionos))).toMatch(/Envelope-To stands at the end of the header/u);
  });
});

describe("the marked mails", () => {
  test("a blind recipient stands nowhere in its header", () => {
    const blind = plan.mails.find(({ kind }) => kind === "bcc");
    expect(blind?.octets.toString()).not.toContain("chef@");
    const several = plan.mails.find(({ kind }) => kind === "several");
    expect(several?.recipients).toHaveLength(3);
    expect(several?.octets.toString()).not.toContain("chef@");
  });

  test("other mail has no mark, nor that of another run", () => {
    const [mail] = plan.mails;
    const header = parseHeaderBlock(mail?.octets ?? Buffer.alloc(0));
    expect(probeKindOf(header, plan.token)).toBe("to");
    expect(probeKindOf(header, "fedcba9876543210")).toBeUndefined();
    expect(probeKindOf(parseHeaderBlock(Buffer.from("Subject: popgate probe\r\n\r\n")), plan.token)).toBeUndefined();
  });

  test("lines are of CRLF and ASCII", () => {
    for (const { octets } of plan.mails) {
      expect(octets.toString("latin1")).toMatch(/^[\x20-\x7e\r\n]*$/u);
      expect(octets.toString("latin1").replaceAll("\r\n", "")).not.toMatch(/[\r\n]/u);
    }
  });
});
