/** Why mail is held for a person, and what that person can do. The same words serve log, command line, page and docs. */

export type HoldReason =
  | "envelope-missing"
  | "envelope-untrusted"
  | "envelope-drift"
  | "envelope-unreadable"
  | "envelope-contradiction"
  | "profile-undecided"
  | "no-local-recipient"
  | "loop"
  | "too-many-hops"
  | "header-too-large"
  | "server-internal"
  | "refused"
  | "gave-up"
  | "sender-refused"
  | "cannot-convert"
  | "damaged"
  | "by-administrator";

/** A message or a recipient that waits for a person. `detail` names what was seen, for this one case. */
export interface Hold {
  readonly reason: HoldReason;
  readonly detail: string;
  /** Epoch milliseconds. */
  readonly since: number;
}

export interface HoldWords {
  /** What it means, one sentence. */
  readonly meaning: string;
  /** What to do, one or two sentences. */
  readonly remedy: string;
}

export const holdWords: Readonly<Record<HoldReason, HoldWords>> = {
  "envelope-missing": {
    meaning: "The message carries none of the envelope fields that the account is configured to read.",
    remedy:
      "Release it to the right people. If many are held, correct `profile` or `envelope` and run `popgate resolve`.",
  },
  "envelope-untrusted": {
    meaning: "The configured envelope field stands only where a sender can have written it.",
    remedy: "If the provider really writes it there, set `place`, `trusted_hops` or `markers` as the detail says.",
  },
  "envelope-drift": {
    meaning: "The field that has named the recipients so far is missing: the provider may have changed its server.",
    remedy: "Look at what the provider writes now, correct the account, and run `popgate resolve`.",
  },
  "envelope-unreadable": {
    meaning: "The envelope field is there, but holds no address that can be read.",
    remedy: "Release it to the right people; report the field's form so that it can be read in future.",
  },
  "envelope-contradiction": {
    meaning: "The envelope field and the provider's own Received line name different recipients.",
    remedy: "One of the two is forged or stale. Release the message to the right people.",
  },
  "profile-undecided": {
    meaning: "The account is to learn its profile by itself and has not seen enough agreeing messages yet.",
    remedy: "Set `profile` or `envelope` by hand, or wait until more mail has come.",
  },
  "no-local-recipient": {
    meaning: "The envelope names only addresses outside the configured `domains`.",
    remedy: "Add the domain or an alias if it is yours, and run `popgate resolve`; otherwise drop the message.",
  },
  loop: {
    meaning: "The message has been through popgate before.",
    remedy: "Find out who sends it back: a forwarding rule, a mailing list, or a relay that returns own mail.",
  },
  "too-many-hops": {
    meaning: "The message carries more Received fields than any honest route needs: it travels in a circle.",
    remedy: "Find the forwarding loop, then drop the message or release it once.",
  },
  "header-too-large": {
    meaning: "The header block is larger than popgate reads.",
    remedy: "Look at the message; release it to the right people or drop it.",
  },
  "server-internal": {
    meaning: "This is a note of the provider's mailbox software to itself, not mail.",
    remedy: "Nothing; it can be dropped.",
  },
  refused: {
    meaning: "The target refused this recipient for good.",
    remedy: "Create the mailbox, then retry; or redirect, or drop.",
  },
  "gave-up": {
    meaning: "The target could not be reached or kept refusing for longer than `give_up` allows.",
    remedy: "Repair the target, then retry.",
  },
  "sender-refused": {
    meaning: "No relay takes mail from this sender.",
    remedy: "Have the provider allow the sender, or set `envelope_from` for the relay; then retry.",
  },
  "cannot-convert": {
    meaning: "The target lacks an extension that this message cannot do without.",
    remedy: "Redirect to an address that needs no such extension, or enable it at the target and retry.",
  },
  damaged: {
    meaning: "The stored message could not be read back whole.",
    remedy: "Fetch it again from the provider if it is still there; extract what is left with `popgate rescue`.",
  },
  "by-administrator": {
    meaning: "An administrator has put it on hold.",
    remedy: "Release or drop it.",
  },
};
