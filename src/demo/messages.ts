/**
 * The demonstration's mail: each message shows one thing that other collectors get wrong, with what must become of it.
 * Everything here is synthetic; `firma.example` is the company, everybody else lives elsewhere.
 */

/** How the provider stores a message in the catch-all box. */
export type Storing =
  /** One copy that names all recipients, as Exim does in a batch. */
  | "one-copy"
  /** One copy for each recipient, each with its own envelope field. */
  | "copy-each"
  /** Without any envelope field: a provider in trouble. */
  | "no-field";

export interface DemoMessage {
  /** In the Message-ID; the message is known by it everywhere. */
  readonly key: string;
  /** What it shows, for the table. */
  readonly shows: string;
  /** Envelope sender; empty for the null reverse path. */
  readonly from: string;
  readonly rcpt: readonly string[];
  readonly storing: Storing;
  /** Header lines as the sender wrote them. */
  readonly header: readonly string[];
  readonly body: string;
  readonly must: {
    /** Local parts of those who must have it, each exactly once. */
    readonly delivered: readonly string[];
    /** For each part that must be held, the reason. */
    readonly held: readonly string[];
    /** Field names that must have been removed from at least one copy. */
    readonly removed: readonly string[];
    /** Copies of it that the provider stores. */
    readonly copies: number;
  };
}

const attachmentOctets = 20_000_000;

export function demoMessages(): readonly DemoMessage[] {
  return [
    {
      key: "plain",
      shows: "an ordinary message",
      from: "kunde@kunde.example",
      rcpt: ["anna@firma.example"],
      storing: "one-copy",
      header: ["From: Kunde <kunde@kunde.example>", "To: Anna <anna@firma.example>", "Subject: Hello"],
      body: "Good morning.\r\n.a line that begins with a dot\r\n",
      must: { delivered: ["anna"], held: [], removed: ["Envelope-to", "Return-path"], copies: 1 },
    },
    {
      key: "blind",
      shows: "a blind copy: To names a stranger",
      from: "kunde@kunde.example",
      rcpt: ["chef@firma.example"],
      storing: "one-copy",
      header: ["From: kunde@kunde.example", "To: other@elsewhere.example", "Subject: for your eyes only"],
      body: "Nobody else knows that you have this.\r\n",
      must: { delivered: ["chef"], held: [], removed: ["Envelope-to"], copies: 1 },
    },
    {
      key: "three",
      shows: "one message to three people, one copy",
      from: "kunde@kunde.example",
      rcpt: ["anna@firma.example", "bernd@firma.example", "chef@firma.example"],
      storing: "one-copy",
      header: ["From: kunde@kunde.example", "To: anna@firma.example, bernd@firma.example", "Subject: to all of you"],
      body: "The third of you is not to be seen.\r\n",
      must: { delivered: ["anna", "bernd", "chef"], held: [], removed: ["Envelope-to"], copies: 1 },
    },
    {
      key: "list",
      shows: "a mailing list: nobody of ours in To",
      from: "bounces@lists.example",
      rcpt: ["bernd@firma.example"],
      storing: "one-copy",
      header: [
        "Received: from lists.example (lists.example [192.0.2.7]) by out.lists.example with ESMTP; Tue, 3 Nov 2026 10:00:00 +0100",
        "X-Original-To: discuss@lists.example",
        "Delivered-To: discuss@lists.example",
        "From: member@elsewhere.example",
        "To: discuss@lists.example",
        "List-Id: <discuss.lists.example>",
        "Subject: [discuss] something",
      ],
      body: "Hello list.\r\n",
      must: { delivered: ["bernd"], held: [], removed: ["X-Original-To", "Delivered-To"], copies: 1 },
    },
    {
      key: "forged",
      shows: "a forged Envelope-To by the sender",
      from: "evil@elsewhere.example",
      rcpt: ["anna@firma.example"],
      storing: "one-copy",
      header: [
        "Envelope-To: chef@firma.example",
        "X-Envelope-To: chef@firma.example",
        "Bcc: chef@firma.example",
        "From: evil@elsewhere.example",
        "To: anna@firma.example",
        "Subject: try to steer it",
      ],
      body: "This must not reach the boss.\r\n",
      must: { delivered: ["anna"], held: [], removed: ["Envelope-To", "X-Envelope-To", "Bcc"], copies: 1 },
    },
    {
      key: "report",
      shows: "a report with the null sender",
      from: "",
      rcpt: ["bernd@firma.example"],
      storing: "one-copy",
      header: [
        "From: Mail Delivery System <mailer-daemon@elsewhere.example>",
        "To: bernd@firma.example",
        "Auto-Submitted: auto-replied",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "Subject: Undelivered mail",
      ],
      body: "--b\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.\r\n--b--\r\n",
      must: { delivered: ["bernd"], held: [], removed: ["Return-path"], copies: 1 },
    },
    {
      key: "large",
      shows: "an attachment of 20 MB",
      from: "kunde@kunde.example",
      rcpt: ["anna@firma.example"],
      storing: "one-copy",
      header: [
        "From: kunde@kunde.example",
        "To: anna@firma.example",
        "Subject: the drawings",
        "MIME-Version: 1.0",
        'Content-Type: application/octet-stream; name="drawings.bin"',
        "Content-Transfer-Encoding: base64",
      ],
      body: `${"QUJD".repeat(19)}\r\n`.repeat(Math.ceil(attachmentOctets / 78)),
      must: { delivered: ["anna"], held: [], removed: ["Envelope-to"], copies: 1 },
    },
    {
      key: "copies",
      shows: "two copies of one message in the box",
      from: "kunde@kunde.example",
      rcpt: ["anna@firma.example", "bernd@firma.example"],
      storing: "copy-each",
      header: ["From: kunde@kunde.example", "To: anna@firma.example, bernd@firma.example", "Subject: one each"],
      body: "Each of you gets one, not two.\r\n",
      must: { delivered: ["anna", "bernd"], held: [], removed: ["Envelope-to"], copies: 2 },
    },
    {
      key: "unknown",
      shows: "one recipient is unknown to Exchange",
      from: "kunde@kunde.example",
      rcpt: ["anna@firma.example", "nobody@firma.example"],
      storing: "one-copy",
      header: ["From: kunde@kunde.example", "To: anna@firma.example, nobody@firma.example", "Subject: is he there?"],
      body: "Anna gets this, and the postmaster hears of the other.\r\n",
      must: { delivered: ["anna"], held: ["refused"], removed: ["Envelope-to"], copies: 1 },
    },
    {
      key: "nofield",
      shows: "no envelope field at all",
      from: "kunde@kunde.example",
      rcpt: ["chef@firma.example"],
      storing: "no-field",
      header: ["From: kunde@kunde.example", "To: undisclosed-recipients:;", "Subject: who is it for?"],
      body: "Held, not guessed.\r\n",
      must: { delivered: [], held: ["envelope-missing"], removed: [], copies: 1 },
    },
    {
      key: "stale",
      shows: "no field, and a stale one further down",
      from: "kunde@kunde.example",
      rcpt: ["chef@firma.example"],
      storing: "no-field",
      header: [
        "Received: from old.example (old.example [192.0.2.9]) by out.kunde.example with ESMTP; Tue, 3 Nov 2026 10:00:00 +0100",
        "Envelope-to: anna@firma.example",
        "From: kunde@kunde.example",
        "To: list@lists.example",
        "Subject: re-sent",
      ],
      body: "The field below the provider's line counts for nothing.\r\n",
      must: { delivered: [], held: ["envelope-untrusted"], removed: ["Envelope-to"], copies: 1 },
    },
    {
      key: "alias",
      shows: "an alias, in capitals, with an umlaut in the subject",
      from: "kunde@kunde.example",
      rcpt: ["Verkauf@Firma.Example"],
      storing: "one-copy",
      header: ["From: kunde@kunde.example", "To: Verkauf@Firma.Example", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?="],
      body: "Sales is Bernd, for now.\r\n",
      must: { delivered: ["bernd"], held: [], removed: ["Envelope-to"], copies: 1 },
    },
  ];
}

/** The message as the sender's client hands it over. */
export function composeDemo(message: Pick<DemoMessage, "key" | "header" | "body">): Buffer {
  const header = [
    ...message.header,
    "Date: Tue, 3 Nov 2026 09:59:00 +0100",
    `Message-ID: <${message.key}@demo.example>`,
  ];
  return Buffer.from(`${header.join("\r\n")}\r\n\r\n${message.body}`, "latin1");
}

/** The key of a message, wherever it turns up. */
export function demoKey(raw: Buffer): string | undefined {
  return /^Message-ID: <([a-z]+)@demo\.example>/imu.exec(raw.subarray(0, 8192).toString("latin1"))?.[1];
}

/** What stands below the header, octet for octet. */
export function bodyOf(raw: Buffer): string {
  const text = raw.toString("latin1");
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}
