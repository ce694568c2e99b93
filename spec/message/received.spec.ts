import { describe, expect, it } from "vitest";
import { parseReceived } from "../../src/message/received.ts";

const date = "Tue, 24 Nov 2026 08:00:00 +0100";

describe("Received field", () => {
  it.each([
    [
      "Postfix",
      `from mail.kunde.example (mail.kunde.example [192.0.2.1])\r\n\tby mx.provider.example (Postfix) with ESMTPS id 4F2\r\n\tfor <a@firma.example>; ${date}`,
      { from: "mail.kunde.example", by: "mx.provider.example", with: "ESMTPS", id: "4F2", for: ["a@firma.example"] },
    ],
    [
      "Exim, without brackets",
      `from [192.0.2.1] (port=4711 helo=mail.kunde.example) by mx.provider.example with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.96) (envelope-from <s@kunde.example>) id 1abc-0001 for a@firma.example; ${date}`,
      { from: "[192.0.2.1]", by: "mx.provider.example", id: "1abc-0001", for: ["a@firma.example"] },
    ],
    ["qmail", `(qmail 4711 invoked by uid 89); ${date}`, { from: undefined, by: undefined, for: [] }],
    [
      "qmail-smtpd",
      `from unknown (HELO mail.kunde.example) (192.0.2.1)\n  by mx.provider.example with SMTP; ${date}`,
      { by: "mx.provider.example", with: "SMTP", for: [] },
    ],
    [
      "Exchange",
      `from EX01.kunde.example (10.0.0.1) by EX02.kunde.example\r\n (10.0.0.2) with Microsoft SMTP Server (version=TLS1_2,\r\n cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.1.2507.39 via Frontend Transport; ${date}`,
      {
        by: "ex02.kunde.example",
        with: "Microsoft SMTP Server",
        id: "15.1.2507.39",
        via: "Frontend Transport",
        for: [],
      },
    ],
    [
      "for before id (Demon)",
      `from punt-1.mail.provider.example by mailstore for fred@firma.example id 899963657:10:27896:0; ${date}`,
      { by: "mailstore", for: ["fred@firma.example"], id: "899963657:10:27896:0" },
    ],
    [
      "Nemesis",
      `from mailb.kunde.example ([192.0.2.1]) by mx.kundenserver.de\r\n (mxeue002 [192.0.2.2]) with ESMTPS (Nemesis) id 1MLjw8 for <a@firma.example>; ${date}`,
      { by: "mx.kundenserver.de", byComments: ["mxeue002 [192.0.2.2]"], for: ["a@firma.example"] },
    ],
    [
      "list host",
      `by lists.example (Postfix, from userid 40) id CA3; ${date}`,
      { by: "lists.example", id: "CA3", for: [] },
    ],
    [
      "case kept in the local part",
      `from x by smtpin.rzone.de (RZmta 52) with ESMTPS id q1 for <DOMINIK@Firma.Example>; ${date}`,
      { by: "smtpin.rzone.de", for: ["DOMINIK@firma.example"] },
    ],
    [
      "two servers in one line: the first name is where it came from",
      `from a.example by b.example from c.example with SMTP; ${date}`,
      { from: "a.example", by: "b.example", with: "SMTP" },
    ],
    [
      "a bracket on its own",
      `from x by mx.provider.example for < a@firma.example > ; ${date}`,
      { by: "mx.provider.example", for: ["a@firma.example"] },
    ],
    [
      "a quoted word that goes on",
      `from "x"y by mx.provider.example with "ESMTP" id "1"2; ${date}`,
      { from: '"x"y', by: "mx.provider.example", with: '"ESMTP"', id: '"1"2' },
    ],
  ])("reads the form of %s", (_, value, expected) => {
    expect(parseReceived(value)).toMatchObject({ ...expected, date });
  });

  it.each([
    [
      "a keyword in a comment",
      `from x (HELO by evil.example for <boss@firma.example>) by mx.provider.example with SMTP; ${date}`,
    ],
    [
      "a keyword in a quoted string",
      `from "by evil.example for <boss@firma.example>" by mx.provider.example with SMTP; ${date}`,
    ],
    [
      "a HELO with clauses of its own",
      `from x by evil.example with SMTP id 1 for <boss@firma.example> (dsl [192.0.2.1]) by mx.provider.example with SMTP; ${date}`,
    ],
    ["a HELO that is a keyword", `from by (by [192.0.2.1]) by mx.provider.example with SMTP; ${date}`],
    ["a HELO that is for", `from for (for [192.0.2.1]) by mx.provider.example with SMTP; ${date}`],
    ["a comment that does not end", `from x by mx.provider.example with SMTP (for <boss@firma.example>; ${date}`],
  ])("is not fooled by %s", (_, value) => {
    expect(parseReceived(value)).toMatchObject({ by: "mx.provider.example", for: [] });
  });

  it("takes what follows a quote without an end for no clause", () => {
    const found = parseReceived(`by mx.provider.example id x"1 for a@firma.example; ${date}`);
    expect(found).toMatchObject({ by: "mx.provider.example", id: "", for: [], date: undefined });
  });

  it("says where the for clause stands", () => {
    const value = ` from x by y with SMTP id 1\r\n\tfor <a@firma.example>; ${date}\r\n`;
    const { forSpan } = parseReceived(value);
    expect(value.slice(forSpan?.start, forSpan?.end)).toBe("\r\n\tfor <a@firma.example>");
  });

  it("finds no recipient in words after for", () => {
    expect(parseReceived(`from x by y for multiple recipients; ${date}`)).toMatchObject({
      for: [],
      forSpan: undefined,
    });
  });

  it("says nothing of what no server can have written", () => {
    const long = `from x by y with SMTP id 1 for <a@firma.example> ${"w ".repeat(10_000)}; ${date}`;
    expect(parseReceived(long)).toMatchObject({ by: undefined, for: [], forSpan: undefined, date: undefined });
  });
});
