/**
 * Who may send what to whom, as a table: every client with every sender and every recipient, and the classical tests for
 * open relays by name. Plain data, so that it can be put to the gatekeeper alone and to a listener over a socket.
 *
 * Over a socket a client of `socket` connects from that address of this machine. Since all of 127.0.0.0/8 is this machine,
 * cases that depend on a client's being elsewhere have none.
 */

/** What the listener of the table is set to. */
export const relaySetUp = {
  allow: ["192.168.1.0/24", "2001:db8:1::/64", "127.0.1.0/24"],
  /** Login name and password. */
  user: "scanner",
  password: "streng geheim",
  senderDomains: ["firma.example", "xn--mller-kva.example"],
};

export interface ClientCase {
  readonly name: string;
  readonly address: string;
  readonly socket: string | undefined;
  /** Whether the listener has users at all. */
  readonly users: boolean;
  /** Whether the session is under TLS when it logs in and sends. */
  readonly tls: boolean;
  readonly login: "none" | "right" | "wrong password" | "unknown user";
  /** Reply codes of the greeting, of AUTH, and of MAIL if that is refused whatever the sender. */
  readonly connect: 220 | 554;
  readonly auth?: 235 | 535 | 538;
  readonly mail?: 530;
}

/** Logged in as the table's user. */
const right = { login: "right", tls: true, auth: 235 } as const;
const wrong = { login: "wrong password", tls: true, auth: 535, mail: 530 } as const;

function client(name: string, facts: Partial<ClientCase> & Pick<ClientCase, "address">): ClientCase {
  return { name, users: true, tls: false, login: "none", connect: 220, socket: undefined, ...facts };
}

export const clientCases: readonly ClientCase[] = [
  // Without users: networks decide at once.
  client("an allowed network", { address: "192.168.1.9", socket: "127.0.1.9", users: false }),
  client("its last address", { address: "192.168.1.255", socket: "127.0.1.254", users: false }),
  client("an allowed network, IPv4-mapped", { address: "::ffff:192.168.1.9", users: false }),
  client("an allowed network, mapped in hex", { address: "::ffff:c0a8:109", users: false }),
  client("an allowed IPv6 network", { address: "2001:db8:1::9", users: false }),
  client("another network", { address: "203.0.113.9", socket: "127.0.2.9", users: false, connect: 554 }),
  client("the neighbour network", { address: "192.168.2.1", users: false, connect: 554 }),
  client("another network, IPv4-mapped", { address: "::ffff:203.0.113.9", users: false, connect: 554 }),
  client("another IPv6 network", { address: "2001:db8:2::9", users: false, connect: 554 }),
  client("this machine", { address: "127.0.0.1", socket: "127.0.0.1", users: false, connect: 554 }),
  client("this machine by IPv6", { address: "::1", users: false, connect: 554 }),
  client("a link-local address with a zone", { address: "fe80::1%eth0", users: false, connect: 554 }),
  client("no address at all", { address: "", users: false, connect: 554 }),
  // With users: strangers may connect, and do nothing but log in.
  client("an allowed network, not logged in", { address: "192.168.1.9", socket: "127.0.1.9" }),
  client("an allowed network, logged in", { ...right, address: "192.168.1.9", socket: "127.0.1.9" }),
  client("another network, not logged in", { address: "203.0.113.9", socket: "127.0.2.9", mail: 530 }),
  client("another network, not logged in, under TLS", {
    address: "203.0.113.9",
    socket: "127.0.2.9",
    tls: true,
    mail: 530,
  }),
  client("another network, logged in", { ...right, address: "203.0.113.9", socket: "127.0.2.9" }),
  client("another network, IPv4-mapped, logged in", { ...right, address: "::ffff:203.0.113.9" }),
  client("another IPv6 network, logged in", { ...right, address: "2001:db8:2::9" }),
  client("another network, logging in without TLS", {
    ...right,
    address: "203.0.113.9",
    tls: false,
    auth: 538,
    mail: 530,
  }),
  client("another network, wrong password", { ...wrong, address: "203.0.113.9", socket: "127.0.2.9" }),
  client("another network, unknown user", {
    ...wrong,
    address: "203.0.113.9",
    socket: "127.0.2.9",
    login: "unknown user",
  }),
  client("this machine, not logged in", { address: "127.0.0.1", socket: "127.0.0.1", mail: 530 }),
  client("this machine, logged in without TLS", { ...right, address: "127.0.0.1", socket: "127.0.0.1", tls: false }),
  client("this machine by IPv6, logged in without TLS", { ...right, address: "::1", tls: false }),
  client("this machine, mapped, logged in without TLS", { ...right, address: "::ffff:127.0.0.1", tls: false }),
];

export interface SenderCase {
  readonly name: string;
  /** Without the angle brackets. */
  readonly path: string;
  /** For who may send. 501: not an address at all (a listener may say 553 as well). */
  readonly code: 250 | 550 | 501;
}

export const senderCases: readonly SenderCase[] = [
  { name: "own", path: "user@firma.example", code: 250 },
  { name: "own in capitals", path: "User@FIRMA.Example", code: 250 },
  { name: "own with umlaut", path: "user@xn--mller-kva.example", code: 250 },
  { name: "own, quoted", path: '"other user"@firma.example', code: 250 },
  { name: "null", path: "", code: 250 },
  { name: "own, another's address quoted", path: '"user@foreign.example"@firma.example', code: 250 },
  { name: "foreign", path: "user@foreign.example", code: 550 },
  { name: "sub-domain", path: "user@sub.firma.example", code: 550 },
  { name: "own domain as a suffix", path: "user@notfirma.example", code: 550 },
  { name: "own domain as a prefix", path: "user@firma.example.foreign.example", code: 550 },
  { name: "literal", path: "user@[192.168.1.9]", code: 550 },
  { name: "host of ours by name", path: "user@localhost", code: 550 },
  { name: "own domain in a %-hack", path: "user%firma.example@foreign.example", code: 550 },
  { name: "own domain in a bang path", path: "firma.example!user@foreign.example", code: 550 },
  { name: "own address quoted", path: '"user@firma.example"@foreign.example', code: 550 },
  { name: "no domain", path: "user", code: 501 },
  { name: "two domains", path: "user@foreign.example@firma.example", code: 501 },
  { name: "source route", path: "@firma.example:user@foreign.example", code: 501 },
];

export interface RecipientCase {
  readonly name: string;
  readonly path: string;
  /** For who may send. 501: not an address at all (a listener may say 553 as well). */
  readonly code: 250 | 550 | 501;
  /** Where it is routed to when it is taken. */
  readonly domain?: string;
}

export const recipientCases: readonly RecipientCase[] = [
  { name: "own", path: "user@firma.example", code: 250, domain: "firma.example" },
  { name: "foreign", path: "user@foreign.example", code: 250, domain: "foreign.example" },
  { name: "foreign with a final dot", path: "user@foreign.example.", code: 250, domain: "foreign.example" },
  { name: "sub-domain", path: "user@sub.firma.example", code: 250, domain: "sub.firma.example" },
  { name: "literal", path: "user@[192.168.1.10]", code: 550 },
  { name: "IPv6 literal", path: "user@[IPv6:2001:db8:1::10]", code: 550 },
  { name: "literal of this machine", path: "user@[127.0.0.1]", code: 550 },
  { name: "IP address without brackets", path: "user@192.168.1.10", code: 550 },
  { name: "single label", path: "user@exchange", code: 550 },
  { name: "this machine by name", path: "user@localhost", code: 550 },
  { name: "never delegated", path: "user@host.invalid", code: 550 },
  { name: "%-hack at own", path: "user%foreign.example@firma.example", code: 250, domain: "firma.example" },
  { name: "%-hack at foreign", path: "user%firma.example@foreign.example", code: 250, domain: "foreign.example" },
  { name: "%-hack at literal", path: "user%foreign.example@[192.168.1.10]", code: 550 },
  { name: "bang path at own", path: "foreign.example!user@firma.example", code: 250, domain: "firma.example" },
  { name: "bang path at foreign", path: "firma.example!user@foreign.example", code: 250, domain: "foreign.example" },
  { name: "bang path at literal", path: "foreign.example!user@[192.168.1.10]", code: 550 },
  { name: "quoted address at own", path: '"user@foreign.example"@firma.example', code: 250, domain: "firma.example" },
  {
    name: "quoted address at foreign",
    path: '"u@firma.example"@foreign.example',
    code: 250,
    domain: "foreign.example",
  },
  { name: "quoted with an escaped quote", path: '"a\\"@b.example"@firma.example', code: 250, domain: "firma.example" },
  { name: "source route", path: "@firma.example:user@foreign.example", code: 501 },
  { name: "source route by a literal", path: "@[192.168.1.10]:user@foreign.example", code: 501 },
  { name: "source route over two", path: "@firma.example,@foreign.example:user@other.example", code: 501 },
  { name: "two domains, own last", path: "user@foreign.example@firma.example", code: 501 },
  { name: "two domains, foreign last", path: "user@firma.example@foreign.example", code: 501 },
  { name: "domain with a %", path: "user@foreign.example%firma.example", code: 501 },
  { name: "domain with a port", path: "user@foreign.example:25", code: 501 },
  { name: "domain in brackets", path: "user@[foreign.example]", code: 501 },
  { name: "bang path alone", path: "foreign.example!user", code: 501 },
  { name: "quoted address alone", path: '"user@foreign.example"', code: 501 },
  { name: "comment", path: "user(a)@foreign.example", code: 501 },
  { name: "second address", path: "user@firma.example> <user@foreign.example", code: 501 },
  { name: "line end", path: "user@firma.example\r\nRCPT TO:<user@foreign.example>", code: 501 },
];

export interface OpenRelayCase {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** What the public testers of open relays have tried since the nineties. From a stranger nothing of it may be taken. */
export const openRelayCases: readonly OpenRelayCase[] = [
  { name: "third party to third party", from: "spamtest@foreign.example", to: "victim@other.example" },
  { name: "sender without a domain", from: "spamtest", to: "victim@other.example" },
  { name: "null sender", from: "", to: "victim@other.example" },
  { name: "sender of the server's domain", from: "spamtest@firma.example", to: "victim@other.example" },
  { name: "sender at the server's address", from: "spamtest@[192.168.1.5]", to: "victim@other.example" },
  { name: "sender at the server's name", from: "spamtest@mail.firma.example", to: "victim@other.example" },
  { name: "postmaster of the server", from: "postmaster@firma.example", to: "victim@other.example" },
  { name: "victim to itself", from: "victim@other.example", to: "victim@other.example" },
  { name: "%-hack at the domain", from: "spamtest@firma.example", to: "victim%other.example@firma.example" },
  { name: "%-hack at the address", from: "spamtest@firma.example", to: "victim%other.example@[192.168.1.5]" },
  { name: "%-hack at the name", from: "spamtest@firma.example", to: "victim%other.example@mail.firma.example" },
  { name: "quoted address", from: "spamtest@firma.example", to: '"victim@other.example"' },
  { name: "quoted %-hack", from: "spamtest@firma.example", to: '"victim%other.example"' },
  { name: "quoted address at the domain", from: "spamtest@firma.example", to: '"victim@other.example"@firma.example' },
  { name: "two domains", from: "spamtest@firma.example", to: "victim@other.example@firma.example" },
  { name: "domain and address", from: "spamtest@firma.example", to: "victim@other.example@[192.168.1.5]" },
  { name: "source route by the domain", from: "spamtest@firma.example", to: "@firma.example:victim@other.example" },
  { name: "source route by the address", from: "spamtest@firma.example", to: "@[192.168.1.5]:victim@other.example" },
  { name: "bang path", from: "spamtest@firma.example", to: "other.example!victim" },
  { name: "bang path at the domain", from: "spamtest@firma.example", to: "other.example!victim@firma.example" },
  { name: "bang path at the address", from: "spamtest@firma.example", to: "other.example!victim@[192.168.1.5]" },
  { name: "null sender to the postmaster's %-hack", from: "", to: "postmaster%other.example@firma.example" },
  { name: "own recipient", from: "spamtest@foreign.example", to: "user@firma.example" },
];
