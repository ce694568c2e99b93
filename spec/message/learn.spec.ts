import { describe, expect, it } from "vitest";
import { learnProfile, type LearnBase } from "../../src/message/learn.ts";
import { profileByName, profiles } from "../../src/message/profiles.ts";
import { author, header, policy, received } from "./support.ts";

const base: LearnBase = policy("exim");
const to = (n: number): string => `u${n}@firma.example`;

function box(count: number, lines: (n: number) => readonly string[]) {
  return Array.from({ length: count }, (_, n) => header(...lines(n)));
}

const forms: Readonly<Record<string, (n: number) => readonly string[]>> = {
  exim: (n) => [
    `Envelope-to: ${to(n)}`,
    `Received: from x by mx.provider.example with esmtps (Exim 4.96) id 1 for ${to(n)}; now`,
    ...author,
  ],
  postfix: (n) => [
    `X-Original-To: ${to(n)}`,
    "Delivered-To: box@firma.example",
    `Received: from x by mx.provider.example (Postfix) with SMTP id 1 for <${to(n)}>; now`,
    ...author,
  ],
  "dovecot-lmtp": (n) => [
    `Delivered-To: ${to(n)}`,
    "Received: from x by mx.provider.example with LMTP id 1; now",
    received,
    ...author,
  ],
  qmail: (n) => [
    `Delivered-To: ${to(n)}`,
    "Received: (qmail 4711 invoked by uid 89); now",
    "Received: from unknown by 0 with SMTP; now",
    ...author,
  ],
  ionos: (n) => [
    `Received: from x by mx.kundenserver.de with ESMTPS (Nemesis) id 1 for <${to(n)}>; now`,
    ...author,
    `Envelope-To: <${to(n)}>`,
    "UI-InboundReport: x",
  ],
  strato: (n) => [
    `X-Envelope-To: <${to(n)}>`,
    "Received: from x by smtpin.rzone.de (RZmta 1) with ESMTPS id 1; now",
    ...author,
  ],
  hetzner: (n) => [
    `Envelope-to: ${to(n)}`,
    "Received: from x by www1.your-server.de with esmtps (Exim 4.96) id 1; now",
    ...author,
  ],
  sendmail: (n) => [
    `Received: from x by mx.provider.example (8.17.1/8.17.1) with ESMTP id 1 for <${to(n)}>; now`,
    ...author,
  ],
};

describe("learning a profile", () => {
  it.each(Object.entries(forms))("recognises %s", (name, form) => {
    expect(learnProfile(box(12, form), base)).toMatchObject({ kind: "learnt", profile: { name }, share: 12, of: 12 });
    expect(learnProfile(box(3, form), base)).toMatchObject({ kind: "learnt", profile: { name } });
  });

  it("does not decide on too few messages", () => {
    expect(
      learnProfile(
        box(2, (n) => forms["exim"]?.(n) ?? []),
        base,
      ),
    ).toMatchObject({ kind: "undecided" });
    expect(learnProfile([], base)).toMatchObject({ kind: "undecided" });
  });

  it("wants all of a few, and nearly all of many", () => {
    const mixed = (of: number, without: number) =>
      box(of, (n) => (n < without ? [received, ...author] : (forms["strato"]?.(n) ?? [])));
    expect(learnProfile(mixed(9, 1), base)).toMatchObject({ kind: "undecided" });
    expect(learnProfile(mixed(40, 2), base)).toMatchObject({
      kind: "learnt",
      profile: { name: "strato" },
      share: 38,
      of: 40,
    });
    expect(learnProfile(mixed(40, 3), base)).toMatchObject({
      kind: "undecided",
      why: expect.stringContaining("strato") as string,
    });
  });

  it("never learns To and Cc", () => {
    const plain = box(12, (n) => [received, "From: s@kunde.example", `To: ${to(n)}`]);
    expect(learnProfile(plain, base)).toMatchObject({ kind: "undecided" });
  });

  it("is not led by what senders write", () => {
    const forged = box(12, (n) => [
      received,
      `Envelope-to: ${to(n)}`,
      ...author,
      `Envelope-To: <${to(n)}>`,
      "X-Spam-Flag: NO",
    ]);
    expect(learnProfile(forged, base)).toMatchObject({ kind: "undecided" });
  });

  it("does not count the notes of a mail folder", () => {
    const note = header("X-IMAP: 1 2", "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA");
    expect(learnProfile([note, ...box(3, (n) => forms["exim"]?.(n) ?? [])], base)).toMatchObject({
      kind: "learnt",
      of: 3,
    });
  });
});

describe("profiles", () => {
  it("have names of their own, a source and a reference", () => {
    expect(new Set(profiles.map(({ name }) => name)).size).toBe(profiles.length);
    for (const profile of profiles) {
      expect(profile.name).toMatch(/^[a-z][a-z-]+$/u);
      expect(profile.sources.length).toBeGreaterThan(0);
      expect(profile.sources.every(({ kind }) => kind !== "to-cc")).toBe(true);
      expect(profile.reference).not.toBe("");
    }
    expect(profileByName("IONOS")?.name).toBe("ionos");
    expect(profileByName("nobody")).toBeUndefined();
  });

  it("give way to what is configured", () => {
    const place = { kind: "top", trustedHops: 2 } as const;
    expect(policy("ionos", { place, stripPrefix: "x-", providerHosts: undefined })).toMatchObject({
      profile: "ionos",
      place,
      stripPrefix: "x-",
      providerHosts: ["kundenserver.de", "perfora.net"],
      established: undefined,
      fallback: undefined,
    });
  });
});
