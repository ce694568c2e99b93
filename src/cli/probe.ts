/**
 * `popgate probe ACCOUNT`: is this provider fit for a collector, and how is it configured there? Sends four marked mails
 * by a relay to the own domain, brings them back from the box, and says what came of them. Nothing else in the box is
 * touched; the marked mails are deleted afterwards. A running daemon does not poll the account meanwhile.
 *
 * Exit status: 0 fit, 5 fit with limits or not fit, 1 it could not be found out, 2 bad configuration or wrong use,
 * 3 no such account or relay, 4 not possible now. After Ctrl-C a marked mail may still come: the words say which.
 */
import { roundtrip, type RoundtripOutcome, type RoundtripRequest } from "../app/roundtrip.ts";
import type { AccountConfig, Config, RelayConfig } from "../config/config.ts";
import { readDuration } from "../config/scalars.ts";
import { addressKey, domainOf, mustAddress, parseAddress, type Address } from "../core/address.ts";
import type { Clock, Random } from "../core/ports.ts";
import { byImportance, Notes, type Finding } from "../doctor/finding.ts";
import { probeSubject } from "../doctor/probe-mails.ts";
import { verdictFindings } from "../doctor/probe-words.ts";
import { reportLines, summaryOf } from "../doctor/report.ts";
import { systemClock, systemRandom } from "../runtime/clock.ts";
import { listenForShutdown } from "../runtime/shutdown.ts";
import { pauseAccount } from "./account-pause.ts";
import { userName, type Surroundings } from "./asking.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import { goodConfig } from "./good-config.ts";
import { Screen } from "./screen.ts";

export interface ProbeArguments {
  readonly config: string;
  readonly account: string;
  readonly relay?: string;
  readonly to?: readonly string[];
  readonly wait: string;
  readonly keep: boolean;
  readonly json: boolean;
  readonly socket?: string;
}

/** What specs put in the place of time and chance. */
export interface ProbeParts {
  readonly clock: Clock;
  readonly random: Random;
}

/** Resolves with the exit status. */
export async function runProbe(
  args: ProbeArguments,
  around: Surroundings,
  { clock, random }: ProbeParts = { clock: systemClock, random: systemRandom },
): Promise<number> {
  const aside = new Screen(around.stderr, around.env);
  await using shutdown = listenForShutdown();
  const signal = AbortSignal.any([shutdown.signal, around.signal]);
  try {
    const config = await goodConfig(args.config, around.env, aside);
    const request = requestOf(args, config);
    const { name } = request.account;
    const socket = args.socket ?? config.admin.socket;
    const pause = async (): Promise<AsyncDisposable> =>
      pauseAccount(name, { socket, user: userName(around.env), clock, aside }, signal);
    const progress = (text: string): void => aside.progress(text);
    const outcome = await roundtrip(config, request, { clock, random, progress, pause }, signal);
    aside.clearProgress();
    return tell(outcome, name, args, new Screen(around.stdout, around.env));
  } catch (error) {
    aside.clearProgress();
    if (signal.aborted) {
      aside.print("popgate: given up. Marked mails may still come, or lie in the box; their subject: popgate probe");
      return exitStatus.failed;
    }
    if (!(error instanceof CommandError)) throw error;
    aside.print("popgate: ", error.message);
    return error.status;
  }
}

function requestOf(args: ProbeArguments, config: Config): RoundtripRequest {
  const account = config.accounts.find(({ name }) => name === args.account);
  if (account === undefined)
    throw new CommandError(
      exitStatus.notFound,
      `there is no account ${args.account}; there are: ${config.accounts.map(({ name }) => name).join(", ")}`,
    );
  const relay = relayOf(args.relay, config);
  const wait = readDuration(args.wait);
  if (wait.kind !== "ok") throw new CommandError(exitStatus.usage, `--wait ${args.wait} is not a time such as "10m"`);
  return {
    account,
    relay,
    sender: senderOf(relay, config),
    recipients: recipientsOf(args.to, account, config),
    keep: args.keep,
    waitMs: wait.value,
  };
}

function relayOf(name: string | undefined, { relays }: Config): RelayConfig {
  const relay = name === undefined ? relays[0] : relays.find((one) => one.name === name);
  if (relay !== undefined) return relay;
  if (relays.length === 0)
    throw new CommandError(exitStatus.refused, "there is no [[relay]] by which mail could be sent to the own domain");
  throw new CommandError(
    exitStatus.notFound,
    `there is no relay ${name ?? ""}; there are: ${relays.map((one) => one.name).join(", ")}`,
  );
}

/** An address that the relay's account may send as. */
function senderOf({ envelopeFrom, senders }: RelayConfig, { postmaster }: Config): Address {
  const [pattern] = senders;
  if (envelopeFrom !== undefined) return envelopeFrom;
  if (pattern?.kind === "address") return pattern.address;
  if (pattern?.kind === "domain" && pattern.domain !== domainOf(postmaster))
    return mustAddress(`postmaster@${pattern.domain}`);
  return postmaster;
}

function recipientsOf(
  written: readonly string[] | undefined,
  account: AccountConfig,
  config: Config,
): RoundtripRequest["recipients"] {
  const domains = account.kind === "collector" ? account.policy.domains : config.domains;
  if (written === undefined) {
    const made = (number: number): Address => mustAddress(`popgate-probe-${number}@${domains[0] ?? ""}`);
    return [made(1), made(2), made(3)];
  }
  const addresses = written.map((text) => {
    const result = parseAddress(text);
    if (result.kind !== "ok") throw new CommandError(exitStatus.usage, `--to ${text} is not an address`);
    if (!domains.includes(domainOf(result.address)))
      throw new CommandError(
        exitStatus.usage,
        `--to ${text} is not of the domains of this account: ${domains.join(", ")}`,
      );
    return result.address;
  });
  const [first, second, third, ...more] = addresses;
  const different = new Set(addresses.map(addressKey)).size;
  if (first === undefined || second === undefined || third === undefined || more.length > 0 || different < 3)
    throw new CommandError(exitStatus.usage, "--to needs three different addresses");
  return [first, second, third];
}

function tell(outcome: RoundtripOutcome, account: string, { keep, json }: ProbeArguments, screen: Screen): number {
  const notes = new Notes(`probe of ${account}`);
  if (outcome.kind === "failed") {
    notes.error("probe-failed", outcome.what);
    if (outcome.sent)
      notes.warn(
        "probe-mail-under-way",
        `marked mails may still come; their subject is "${probeSubject(outcome.token)}"`,
      );
    print(notes.findings, { fit: "unknown", lines: [] }, json, screen);
    return exitStatus.failed;
  }
  const { verdict, unsent, left, token } = outcome;
  for (const { kind, recipient, why } of unsent)
    notes.warn("probe-mail-not-sent", `mail ${kind} was not sent to ${recipient}: ${why}`);
  if (left > 0 && keep)
    notes.info("probe-mail-kept", `the marked mails are left in the box; their subject is "${probeSubject(token)}"`);
  else if (left > 0)
    notes.warn(
      "probe-mail-not-deleted",
      `${left} marked mail(s) could not be deleted`,
      `Delete them by hand; their subject is "${probeSubject(token)}".`,
    );
  const { fit, best } = verdict;
  const lines = fit === "yes" || fit === "limits" ? (best?.choice.lines ?? []) : [];
  print([...verdictFindings(verdict, account), ...notes.findings], { fit, lines }, json, screen);
  if (fit === "unknown") return exitStatus.failed;
  return fit === "yes" ? exitStatus.ok : exitStatus.findings;
}

function print(findings: readonly Finding[], answer: object, json: boolean, screen: Screen): void {
  if (json) screen.json({ ...answer, summary: summaryOf(findings), findings: byImportance(findings) });
  else for (const line of reportLines(findings)) screen.print(line);
}
