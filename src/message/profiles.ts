/**
 * What is known of mail systems and providers: where each writes the envelope of a message that it stores. Facts as
 * data, each with a public source and a word on how certain it is. `learn.ts` tries them in this order, so what says
 * more about the envelope stands before what says less: `X-Original-To` before `Delivered-To` (which Postfix writes
 * after rewriting), any field before the `for` clause of a Received field, and a provider before its software.
 */
import type { CollectorPolicy, Place, Source } from "./policy.ts";

export interface Profile {
  readonly name: string;
  readonly title: string;
  readonly place: Place;
  readonly sources: readonly Source[];
  readonly providerHosts: readonly string[];
  readonly stripPrefix: string | undefined;
  readonly absentWhenSeveral: boolean;
  /** What the software leaves in its own Received field, in lower case: tells like from like when a profile is learnt. */
  readonly traceMark: string | undefined;
  /** `documented`: by the maker. `observed`: in mail in public archives. `assumed`: from the software that seems to run. */
  readonly certainty: "documented" | "observed" | "assumed";
  /** Public source of the form. */
  readonly reference: string;
}

const top: Place = { kind: "top", trustedHops: 0 };
const belowLmtp: Place = { kind: "top", trustedHops: 1 };

function topmost(name: string, pattern?: string): Source {
  return { kind: "field", name, pattern, occurrence: "topmost" };
}

function lowest(name: string): Source {
  return { kind: "field", name, pattern: undefined, occurrence: "lowest" };
}

function profile(
  name: string,
  title: string,
  place: Place,
  source: Source | readonly Source[],
  certainty: Profile["certainty"],
  reference: string,
  more: Partial<Pick<Profile, "providerHosts" | "absentWhenSeveral" | "traceMark">> = {},
): Profile {
  const sources = "kind" in source ? [source] : source;
  return {
    name,
    title,
    place,
    sources,
    certainty,
    reference,
    providerHosts: more.providerHosts ?? [],
    stripPrefix: undefined,
    absentWhenSeveral: more.absentWhenSeveral ?? false,
    traceMark: more.traceMark,
  };
}

const unitedInternetMarkers = ["ui-inboundreport", "x-spam-flag"];
const gmxMarkers = [...unitedInternetMarkers, "x-gmx-*", "x-ui-*"];

const hosters: readonly Profile[] = [
  profile(
    "ionos",
    "IONOS (1&1, kundenserver.de)",
    { kind: "bottom", markers: unitedInternetMarkers },
    lowest("Envelope-To"),
    "observed",
    "message sources in public issue trackers: Received by mx.kundenserver.de (Nemesis), Envelope-To before UI-InboundReport",
    { providerHosts: ["kundenserver.de", "perfora.net"] },
  ),
  profile(
    "gmx",
    "GMX",
    { kind: "bottom", markers: gmxMarkers },
    lowest("Envelope-To"),
    "observed",
    "bounce samples of Sisimai (libsisimai.org): Envelope-To beside X-GMX-Antispam",
    { providerHosts: ["gmx.net", "gmx.com"] },
  ),
  profile(
    "web-de",
    "WEB.DE",
    { kind: "bottom", markers: gmxMarkers },
    lowest("Envelope-To"),
    "assumed",
    "same platform as GMX",
    { providerHosts: ["web.de"] },
  ),
  profile(
    "gmx-old",
    "GMX, as it was until about 2010",
    top,
    topmost("Delivered-To", "GMX delivery to *"),
    "observed",
    "mail of that time in public mailing-list archives: Delivered-To: GMX delivery to user@gmx.de",
    { providerHosts: ["gmx.net"] },
  ),
  profile(
    "strato",
    "Strato",
    top,
    topmost("X-Envelope-To"),
    "observed",
    "mail in the xen-devel archive: X-Envelope-To above Received by smtpin.rzone.de (RZmta)",
    { providerHosts: ["rzone.de"] },
  ),
  profile(
    "hetzner",
    "Hetzner web hosting",
    top,
    topmost("Envelope-To"),
    "assumed",
    "its hosts (wwwNN.your-server.de) run Exim by their Received fields; Exim specification, chapter on generic transport options",
    { providerHosts: ["your-server.de"] },
  ),
  profile(
    "all-inkl",
    "ALL-INKL.COM",
    top,
    topmost("X-Original-To"),
    "assumed",
    "its hosts (kasserver.com) run Postfix by their Received fields; Postfix manual, local(8)",
    { providerHosts: ["kasserver.com"] },
  ),
  profile(
    "fastmail",
    "Fastmail",
    belowLmtp,
    topmost("X-Delivered-To"),
    "observed",
    "message sources in public test suites: X-Delivered-to below Received with LMTPA and above Received by LMTPProxy",
  ),
  profile(
    "yahoo",
    "Yahoo",
    top,
    topmost("X-Apparently-To", "* via *"),
    "observed",
    "mail in public archives: X-Apparently-To: user@yahoo.com via 192.0.2.1; date",
    { providerHosts: ["yahoo.com", "yahoodns.net"] },
  ),
  profile(
    "proton",
    "Proton Mail",
    top,
    topmost("X-Original-To"),
    "observed",
    "mox issue 69 (github.com/mjl-/mox): Return-Path, X-Original-To and Delivered-To on top",
    { providerHosts: ["protonmail.ch", "proton.ch", "proton.me"] },
  ),
  profile(
    "gmail",
    "Gmail and Google Workspace",
    top,
    topmost("Delivered-To"),
    "observed",
    "mail in public archives: Delivered-To as the first field, above Received and X-Received",
    { providerHosts: ["google.com"] },
  ),
];

const software: readonly Profile[] = [
  profile(
    "exim",
    "Exim",
    top,
    topmost("Envelope-To"),
    "documented",
    "Exim specification, generic transport option envelope_to_add; several addresses in one field",
    { traceMark: "(exim" },
  ),
  profile(
    "cpanel",
    "cPanel: Exim handing over to Dovecot by LMTP",
    belowLmtp,
    topmost("Envelope-To"),
    "observed",
    "mail in public archives: Delivered-To and Received with LMTP above Exim's Return-path, Envelope-to, Delivery-date",
  ),
  profile(
    "postfix",
    "Postfix (local, virtual, pipe or LMTP with the O flag)",
    top,
    topmost("X-Original-To"),
    "documented",
    "Postfix manual: local(8), virtual(8), pipe(8), lmtp(8)",
    { traceMark: "(postfix" },
  ),
  profile(
    "dovecot-lmtp",
    "Dovecot LMTP",
    top,
    topmost("Delivered-To"),
    "documented",
    "Dovecot, lmtp_hdr_delivery_address: no field when a message has several recipients",
    { absentWhenSeveral: true, traceMark: " with lmtp" },
  ),
  profile(
    "qmail",
    "qmail (set strip_prefix for a virtual domain)",
    top,
    topmost("Delivered-To"),
    "documented",
    "qmail manual: qmail-local(8), qmail-send(8) on virtualdomains, dot-qmail(5)",
    { traceMark: "(qmail " },
  ),
  profile(
    "courier",
    "Courier (set strip_prefix for a virtual domain)",
    top,
    topmost("Delivered-To"),
    "documented",
    "Courier documentation, local module; fetchmail FAQ on Courier",
  ),
  profile(
    "postfix-delivered-to",
    "Postfix, where only Delivered-To is written: the address after rewriting",
    top,
    topmost("Delivered-To"),
    "documented",
    "Postfix manual: local(8), virtual(8), pipe(8) with the D flag",
    { traceMark: "(postfix" },
  ),
  profile(
    "mdaemon",
    "MDaemon",
    {
      kind: "bottom",
      markers: ["x-md*", "x-spam-processed", "x-return-path", "x-envelope-from", "x-authenticated-sender", "x-guid"],
    },
    [lowest("X-MDaemon-Deliver-To"), lowest("X-MDRcpt-To"), lowest("X-RCPT-To")],
    "observed",
    "mail in public archives; newer versions write these fields below their own Received field instead",
  ),
  profile(
    "sendmail",
    "sendmail and others without a field: the for clause of the topmost Received field",
    top,
    { kind: "received-for", by: [] },
    "documented",
    "fetchmail(1) on multidrop; sendmail configuration, HReceived with $u: only with one recipient",
    { absentWhenSeveral: true },
  ),
];

/** In the order in which they are tried when the mail of a box is to tell which one fits. */
export const profiles: readonly Profile[] = [...hosters, ...software];

/** What the company says for itself, and what it sets otherwise than the profile. `undefined` takes the profile's. */
export type CollectorOverrides = Pick<CollectorPolicy, "domains" | "limits" | "hostname"> & {
  readonly [K in Exclude<keyof CollectorPolicy, "kind" | "domains" | "limits" | "hostname">]?:
    | CollectorPolicy[K]
    | undefined;
};

/** The profile of this name, whatever its case. */
export function profileByName(name: string): Profile | undefined {
  const lower = name.toLowerCase();
  return profiles.find((profile) => profile.name === lower);
}

/** A collector's policy: the profile's facts, with what the company sets for itself. */
export function collectorPolicy(profile: Profile, overrides: CollectorOverrides): CollectorPolicy {
  return {
    kind: "collector",
    profile: overrides.profile ?? profile.name,
    sources: overrides.sources ?? profile.sources,
    place: overrides.place ?? profile.place,
    providerHosts: overrides.providerHosts ?? profile.providerHosts,
    stripPrefix: overrides.stripPrefix ?? profile.stripPrefix,
    absentWhenSeveral: overrides.absentWhenSeveral ?? profile.absentWhenSeveral,
    aliases: overrides.aliases ?? new Map(),
    fallback: overrides.fallback,
    established: overrides.established,
    domains: overrides.domains,
    limits: overrides.limits,
    hostname: overrides.hostname,
  };
}
