/**
 * `popgate probe`: sends marked mails by a relay to the own domain, brings them back from the provider's box, and judges
 * by what came which way of finding recipients is right there. Goes the ways that the program itself goes: delivery's
 * transport, DKIM and relay credentials included, and the POP3 client.
 *
 * While it runs, a running daemon must not poll the account, or it would fetch the marked mails away: `ports.pause` sees
 * to that, and what it gives is disposed when this ends, however it ends. Needs no spool. Expected failures are outcomes;
 * rejects only with the signal's reason, or what `pause` rejects with.
 */
import { randomBytes } from "node:crypto";
import type { AccountConfig, Config, RelayConfig } from "../config/config.ts";
import type { Address } from "../core/address.ts";
import { makeMessageId } from "../core/ids.ts";
import { causeText, type Outcome } from "../core/outcome.ts";
import type { Clock, Random } from "../core/ports.ts";
import { createSigner } from "../delivery/smtp-dkim.ts";
import { createSmtpTransport } from "../delivery/smtp-transport.ts";
import type { Transport } from "../delivery/transport.ts";
import { ProbeBox } from "../doctor/probe-box.ts";
import { planProbe, type ProbeKind, type ProbeMail, type ProbePlan } from "../doctor/probe-mails.ts";
import { judge, type Verdict } from "../doctor/probe-verdict.ts";
import type { LearnBase } from "../message/learn.ts";
import { pop3Connect } from "../pop3/connect.ts";
import { Pop3Error } from "../pop3/port.ts";
import { boxOptions } from "./box-options.ts";
import { openCredentials } from "./credentials.ts";

export interface RoundtripRequest {
  readonly account: AccountConfig;
  readonly relay: RelayConfig;
  readonly sender: Address;
  /** Three different own addresses that the box is for. */
  readonly recipients: readonly [Address, Address, Address];
  /** Leaves the marked mails in the box. */
  readonly keep: boolean;
  /** How long the mails may take. */
  readonly waitMs: number;
}

export interface RoundtripPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly progress: (text: string) => void;
  /** Has a running daemon leave the account alone until it is disposed. */
  readonly pause: () => Promise<AsyncDisposable>;
}

interface Unsent {
  readonly kind: ProbeKind;
  readonly recipient: Address;
  readonly why: string;
}

export type RoundtripOutcome =
  | {
      readonly kind: "judged";
      readonly token: string;
      readonly verdict: Verdict;
      readonly unsent: readonly Unsent[];
      /** Marked mails that are still in the box. */
      readonly left: number;
    }
  /** `sent`: marked mails may still come. */
  | { readonly kind: "failed"; readonly what: string; readonly token: string; readonly sent: boolean };

/** Waiting for a box that somebody else has open. */
const openBoxMs = 3 * 60_000;

/** Sends, waits, judges. */
export async function roundtrip(
  config: Config,
  request: RoundtripRequest,
  ports: RoundtripPorts,
  signal: AbortSignal,
): Promise<RoundtripOutcome> {
  const { clock, progress } = ports;
  const { sender, recipients, account } = request;
  const { hostname } = config;
  const token = randomBytes(8).toString("hex");
  const plan = planProbe({ token, sender, recipients, hostname, at: clock.now() });
  await using stack = new AsyncDisposableStack();
  stack.use(await ports.pause());
  let sent = false;
  try {
    const box = openBox(account, request, plan, ports, stack);
    await box.begin(clock.now() + openBoxMs, signal);
    const transport = openTransport(request.relay, config, clock, stack);
    const taken = new Map<ProbeKind, Address[]>();
    const unsent: Unsent[] = [];
    for (const mail of plan.mails) {
      progress(`sending mail ${mail.kind}`);
      const result = await send(mail, transport, request, ports, signal);
      unsent.push(...result.unsent);
      if (result.taken.length > 0) taken.set(mail.kind, [...result.taken]);
      sent ||= result.taken.length > 0;
    }
    if (!sent) {
      const [first] = unsent;
      return failed(`the relay ${request.relay.name} has taken none of the mails: ${first?.why ?? ""}`, token, sent);
    }
    const expected = new Map([...taken].map(([kind, addresses]) => [kind, addresses.length] as const));
    const { copies, left } = await box.gather(expected, clock.now() + request.waitMs, signal);
    const verdict = judge(copies, {
      sent: taken,
      forged: plan.forged,
      base: baseOf(account, config),
      configured: account.policy.kind === "collector" ? account.policy : undefined,
    });
    return { kind: "judged", token, verdict, unsent, left };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Pop3Error)) throw error;
    return failed(`the box of ${account.name}: ${error.message}`, token, sent);
  }
}

function failed(what: string, token: string, sent: boolean): RoundtripOutcome {
  return { kind: "failed", what, token, sent };
}

function openBox(
  account: AccountConfig,
  { keep }: RoundtripRequest,
  { token }: ProbePlan,
  { clock, progress }: RoundtripPorts,
  stack: AsyncDisposableStack,
): ProbeBox {
  const login = stack.use(openCredentials(account.credentials, clock));
  const connect = pop3Connect(boxOptions(account, login.sasl), { clock, randomBytes });
  return new ProbeBox({ connect, token, minIntervalMs: account.minIntervalMs, keep }, { clock, progress });
}

function openTransport(relay: RelayConfig, config: Config, clock: Clock, stack: AsyncDisposableStack): Transport {
  const { name, host, port, tls, auth, messagesPerConnection } = relay;
  const credentials =
    relay.credentials === undefined ? undefined : stack.use(openCredentials(relay.credentials, clock)).sasl;
  // Mail that is signed otherwise may be taken for spam when it is not.
  const signer =
    config.dkim.length === 0 ? undefined : createSigner(config.dkim, { clock, events: { emit: () => undefined } });
  const options = {
    name: `relay ${name} ${host}:${port}`,
    host,
    port,
    tls,
    auth,
    hostname: config.hostname,
    credentials,
    maxMessagesPerConnection: messagesPerConnection,
    idleMs: 30_000,
    maxAgeMs: 30 * 60_000,
    eightBit: "send" as const,
  };
  return stack.use(createSmtpTransport(options, { clock, signer }));
}

async function send(
  { kind, recipients, octets }: ProbeMail,
  transport: Transport,
  { sender }: RoundtripRequest,
  { clock, random }: RoundtripPorts,
  signal: AbortSignal,
): Promise<{ readonly taken: readonly Address[]; readonly unsent: readonly Unsent[] }> {
  const { outcomes } = await transport.deliver(
    {
      message: makeMessageId(clock.now(), random),
      reversePath: { kind: "address", address: sender },
      recipients,
      size: octets.length,
      traits: { eightBit: false, eightBitHeader: false, longLines: false },
      body: () => once(octets),
    },
    signal,
  );
  return {
    taken: outcomes.filter(({ outcome }) => mayHaveBeenTaken(outcome)).map(({ recipient }) => recipient),
    unsent: outcomes.flatMap(({ recipient, outcome }) =>
      "cause" in outcome ? [{ kind, recipient, why: causeText(outcome.cause) }] : [],
    ),
  };
}

function mayHaveBeenTaken({ kind }: Outcome): boolean {
  return kind === "delivered" || kind === "unconfirmed";
}

// oxlint-disable-next-line typescript/require-await -- an async generator is what a body is
async function* once(octets: Buffer): AsyncGenerator<Buffer> {
  yield octets;
}

/** What is the company's own; a mailbox account has none of it, and is probed for what it could be. */
function baseOf({ policy }: AccountConfig, { domains, aliases, hostname }: Config): LearnBase {
  const { limits } = policy;
  const nothing = { stripPrefix: undefined, fallback: undefined, established: undefined };
  return policy.kind === "mailbox"
    ? { domains, aliases, hostname, limits, ...nothing }
    : { ...nothing, domains: policy.domains, aliases, hostname, limits, stripPrefix: policy.stripPrefix };
}
