/**
 * The demonstration's mail to the outside: what Exchange hands to popgate, and what must become of it. The provider's
 * first relay (`eins`) knows nobody at `kunde.example` but those in `customers`; the second (`zwei`) is there in case the
 * first is away. All synthetic.
 */

export interface OutboundDemoMessage {
  /** In the Message-ID; the message is known by it everywhere. */
  readonly key: string;
  /** What it shows, for the table. */
  readonly shows: string;
  /** Envelope sender; empty for the null reverse path. */
  readonly from: string;
  readonly rcpt: readonly string[];
  readonly header: readonly string[];
  readonly body: string;
  /** The first relay is switched off before it is handed over. */
  readonly firstRelayIsAway: boolean;
  readonly must: {
    /** For each relay, who got it there, each exactly once: `kunde@kunde.example`. */
    readonly relayed: Readonly<Record<"eins" | "zwei", readonly string[]>>;
    /** Whom the sender must have a failure report of. */
    readonly reported: readonly string[];
    /** Field names that must have been removed. */
    readonly removed: readonly string[];
  };
}

/** Who has a mailbox behind the relays. */
export const customers = ["kunde@kunde.example", "einkauf@kunde.example"];

export function outboundDemoMessages(): readonly OutboundDemoMessage[] {
  return [
    {
      key: "offer",
      shows: "to two people, one is refused by the provider",
      from: "anna@firma.example",
      rcpt: ["kunde@kunde.example", "niemand@kunde.example"],
      header: [
        "From: Anna <anna@firma.example>",
        "To: kunde@kunde.example, niemand@kunde.example",
        "Subject: our offer",
      ],
      body: "Good morning.\r\n.a line that begins with a dot\r\n",
      firstRelayIsAway: false,
      must: {
        relayed: { eins: ["kunde@kunde.example"], zwei: [] },
        reported: ["niemand@kunde.example"],
        removed: [],
      },
    },
    {
      key: "scan",
      shows: "a blind copy, from a scanner that leaves Bcc in",
      from: "scanner@firma.example",
      rcpt: ["kunde@kunde.example", "einkauf@kunde.example"],
      header: ["From: scanner@firma.example", "To: kunde@kunde.example", "Bcc: einkauf@kunde.example", "Subject: scan"],
      body: "Page 1\r\n",
      firstRelayIsAway: false,
      must: {
        relayed: { eins: ["einkauf@kunde.example", "kunde@kunde.example"], zwei: [] },
        reported: [],
        removed: ["Bcc"],
      },
    },
    {
      key: "ndr",
      shows: "Exchange's own report, with the null sender",
      from: "",
      rcpt: ["kunde@kunde.example"],
      header: [
        "From: postmaster@firma.example",
        "To: kunde@kunde.example",
        "Auto-Submitted: auto-replied",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "Subject: Undeliverable",
      ],
      body: "--b\r\nContent-Type: text/plain\r\n\r\nThere is nobody of that name here.\r\n--b--\r\n",
      firstRelayIsAway: false,
      must: { relayed: { eins: ["kunde@kunde.example"], zwei: [] }, reported: [], removed: [] },
    },
    {
      key: "failover",
      shows: "the first relay is away: the second takes it",
      from: "bernd@firma.example",
      rcpt: ["kunde@kunde.example"],
      header: ["From: bernd@firma.example", "To: kunde@kunde.example", "Subject: urgent"],
      body: "This cannot wait.\r\n",
      firstRelayIsAway: true,
      must: { relayed: { eins: [], zwei: ["kunde@kunde.example"] }, reported: [], removed: [] },
    },
  ];
}
