/** The outbound half of delivery: relays, own mail that goes to Exchange, mail that grows too old, reports to senders. */
import type { Config, RelayConfig } from "../config/config.ts";
import { addressKey, domainOf, type Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import { judgeAccount } from "../delivery/account-trouble.ts";
import { createOutboundDelivery, type OutboundDelivery, type RelayUse } from "../delivery/outbound-delivery.ts";
import { createOverdueSweep } from "../delivery/overdue-sweep.ts";
import { createSigner, type Signer } from "../delivery/smtp-dkim.ts";
import { createSmtpTransport } from "../delivery/smtp-transport.ts";
import { needsProof } from "../net/tls-policy.ts";
import { createReportDesk } from "../report/report-desk.ts";
import { openCredentials } from "./credentials.ts";
import { largeOctets, type OpenExchange } from "./exchange.ts";
import { together } from "./together.ts";
import type { PartSurroundings } from "./surroundings.ts";

export interface OpenRelaying {
  readonly delivery: OutboundDelivery;
  /** Delivers, sweeps and reports until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Delivers only; what is under way goes on unless `transfers` is aborted. */
  deliver(signal: AbortSignal, transfers: AbortSignal): Promise<void>;
  /** Tries what is due now, each message once, and makes the reports that are owed. */
  drain(signal: AbortSignal): Promise<void>;
}

/** Without a listener there is still what it took in before. */
const hour = 3_600_000;
const withoutListener = {
  ownDomains: "exchange",
  atProvider: [],
  delayNoticeMs: 4 * hour,
  giveUpMs: 120 * hour,
} as const;
/** Own mail shares Exchange's connections with what comes in from outside, which is most of it. */
const mostOwnAtOnce = 2;
/** Submission servers are less strict than Exchange; five minutes is what RFC 5321 §4.5.3.2.7 gives an idle client. */
const connectionAgeMs = 30 * 60_000;
const connectionIdleMs = 30_000;

/** What it opens is put on `stack`. */
export function openRelaying(
  config: Config,
  around: PartSurroundings,
  exchange: OpenExchange,
  events: EventSink,
  stack: AsyncDisposableStack,
): OpenRelaying {
  const { spool, clock, random } = around;
  const { ownDomains, atProvider, delayNoticeMs, giveUpMs } = config.listener ?? withoutListener;
  const signer = config.dkim.length === 0 ? undefined : createSigner(config.dkim, { clock, events });
  const delivery = stack.use(
    createOutboundDelivery(
      {
        domains: config.domains,
        ownDomains,
        atProvider,
        largeOctets,
        relays: config.relays.map((relay) => openRelay(relay, config.hostname, around, signer, stack)),
        exchange: {
          ...exchange,
          concurrency: Math.min(mostOwnAtOnce, config.exchange.connections),
          maxRecipients: config.exchange.maxRecipients,
          retryMs: config.exchange.retryMs,
        },
      },
      { spool, clock, random, events },
    ),
  );
  const sweep = createOverdueSweep({
    spool,
    clock,
    events,
    rules: { delayNoticeMs, giveUpMs },
    isUnderWay: (id) => delivery.isUnderWay(id),
    hindranceOf: (record, recipient) => delivery.hindranceOf(record, recipient),
  });
  const reports = createReportDesk({
    spool,
    clock,
    events,
    options: {
      hostname: config.hostname,
      postmaster: config.postmaster,
      domains: config.domains,
      isElsewhere: (address) => ownDomains === "relay" || isAmong(address, atProvider),
      language: config.reportLanguage,
      giveUpMs,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
    isUnderWay: (id, recipient) => delivery.isUnderWay(id, recipient),
  });
  return {
    delivery,
    async run(signal) {
      await together(
        signal,
        async (either) => delivery.run(either),
        async (either) => sweep.run(either),
        async (either) => reports.run(either),
      );
    },
    deliver: async (signal, transfers) => delivery.run(signal, transfers),
    async drain(signal) {
      await delivery.drain(signal);
      await sweep.tick(signal);
      await reports.tick(signal);
    },
  };
}

function openRelay(
  relay: RelayConfig,
  hostname: string,
  { clock, sessions }: PartSurroundings,
  signer: Signer | undefined,
  stack: AsyncDisposableStack,
): RelayUse {
  const { name, host, port, tls, auth } = relay;
  const credentials =
    relay.credentials === undefined ? undefined : stack.use(openCredentials(relay.credentials, clock)).sasl;
  const transport = stack.use(
    createSmtpTransport(
      {
        name: `relay ${name} ${host}:${port}`,
        host,
        port,
        tls,
        hostname,
        credentials,
        auth,
        maxMessagesPerConnection: relay.messagesPerConnection,
        idleMs: connectionIdleMs,
        maxAgeMs: connectionAgeMs,
        eightBit: "send",
        judge: judgeAccount,
      },
      { clock, sessions, signer },
    ),
  );
  return {
    name,
    senders: relay.senders,
    isProved: tls.mode !== "off" && needsProof(tls),
    rates: relay.rates,
    envelopeFrom: relay.envelopeFrom,
    rewrite: relay.rewrite,
    transport,
    concurrency: relay.connections,
    maxRecipients: relay.maxRecipients,
    retryMs: relay.retryMs,
  };
}

function isAmong(address: Address, patterns: RelayConfig["senders"]): boolean {
  const key = addressKey(address);
  return patterns.some((pattern) => {
    switch (pattern.kind) {
      case "all":
        return true;
      case "domain":
        return pattern.domain === domainOf(address);
      case "address":
        return addressKey(pattern.address) === key;
    }
  });
}
