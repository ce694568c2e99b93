/**
 * Who may do what at the listener: the one place that decides whose mail is taken.
 *
 * May send: hosts of the networks in `allow`, and who has logged in. Nobody else gets as far as MAIL, whatever the sender
 * or the recipient, so that the listener is no open relay by any spelling of an address. Who neither is allowed nor could
 * log in is told so at connect. This machine is no exception: it may log in without TLS, and that is all.
 *
 * A login holds for the channel it was made on: after STARTTLS it is void (RFC 3207 §4.2). Passwords are taken only over
 * TLS or from this machine (RFC 4954 §4, §6).
 *
 * Limits: connections in all, of one client, and of strangers (half of all, so that they cannot shut out Exchange);
 * messages of one client in a minute; recipients; size.
 */
import type { Address } from "../core/address.ts";
import type { PasswordUsers } from "../core/password-hash.ts";
import type { EpochMs } from "../core/ports.ts";
import { ConnectionCounts, MessageRate } from "./client-counts.ts";
import { judgeRecipient, judgeSender, type SenderPolicy } from "./envelope-policy.ts";
import { LoginDesk, type LoginPorts } from "./login-desk.ts";
import { isLoopbackAddress, networksOf, plainAddress, strangerKey } from "../net/networks.ts";
import type { Gatekeeper, MailRequest, Pass, SmtpClient, Verdict } from "./port.ts";
import { ok, refusals, tooLarge } from "./refusals.ts";

export interface GatekeeperOptions {
  /** Networks (CIDR) whose hosts need no login. */
  readonly allow: readonly string[];
  /** Login names, and where the hash of each one's password is kept. */
  readonly users: PasswordUsers;
  /** Whether the listener has a certificate. */
  readonly tls: boolean;
  /** Domains that envelope senders must belong to, unless `foreignSenders`. */
  readonly senderDomains: readonly string[];
  readonly foreignSenders: boolean;
  /** The largest message that is taken now. */
  maxOctets(): number;
  readonly maxRecipients: number;
  readonly connections: number;
  readonly clientConnections: number;
  /** 0: no limit. */
  readonly clientMessagesPerMinute: number;
}

/** Wrong logins on one connection before it is closed. */
const mostFailures = 3;

export function createGatekeeper(options: GatekeeperOptions, ports: LoginPorts): Gatekeeper {
  const rules = new Rules(options, ports);
  return {
    admit(client) {
      const address = plainAddress(client.address);
      const allowed = rules.networks.has(address);
      if (!allowed && !rules.couldLogIn(client)) return refusals.stranger;
      const key = allowed ? address : strangerKey(address);
      if (!allowed && rules.desk.lockedOut(key)) return refusals.lockedOut;
      const stranger = !allowed && !rules.desk.trusts(key);
      const admission = rules.counts.open(key, stranger);
      if (admission === "full") return refusals.tooManyConnections;
      if (admission === "client-full") return refusals.tooManyOfClient;
      return { kind: "ok", pass: new OpenPass(rules, { key, allowed, stranger }) };
    },
  };
}

/** What all connections have in common. */
class Rules {
  readonly options: GatekeeperOptions;
  readonly networks;
  readonly desk: LoginDesk;
  readonly counts: ConnectionCounts;
  readonly rate: MessageRate;
  readonly senders: SenderPolicy;
  readonly now: () => EpochMs;

  constructor(options: GatekeeperOptions, ports: LoginPorts) {
    const { connections, clientConnections, clientMessagesPerMinute, senderDomains, foreignSenders } = options;
    this.options = options;
    this.networks = networksOf(options.allow);
    this.desk = new LoginDesk(options.users, ports);
    this.counts = new ConnectionCounts({
      inAll: connections,
      ofClient: clientConnections,
      ofStrangers: Math.max(1, Math.floor(connections / 2)),
    });
    this.rate = new MessageRate(clientMessagesPerMinute);
    this.senders = { domains: new Set(senderDomains), foreign: foreignSenders };
    this.now = () => ports.clock.now();
  }

  /** Whether it could ever log in on this connection. */
  couldLogIn(client: SmtpClient): boolean {
    return this.desk.open && (this.options.tls || isProtected(client));
  }
}

/** Whether what the client says now cannot be overheard. */
function isProtected(client: SmtpClient): boolean {
  return client.tls !== undefined || isLoopbackAddress(client.address);
}

interface Holder {
  readonly key: string;
  readonly allowed: boolean;
  readonly stranger: boolean;
}

class OpenPass implements Pass {
  readonly #rules: Rules;
  readonly #key: string;
  readonly #allowed: boolean;
  #stranger: boolean;
  #login: { readonly user: string; readonly tls: boolean } | undefined;
  #failures = 0;
  readonly #end = new AbortController();

  constructor(rules: Rules, { key, allowed, stranger }: Holder) {
    this.#rules = rules;
    this.#key = key;
    this.#allowed = allowed;
    this.#stranger = stranger;
  }

  mayLogIn(client: SmtpClient): boolean {
    return this.#rules.desk.open && isProtected(client);
  }

  async logIn(user: string, password: string, client: SmtpClient): Promise<Verdict> {
    const { desk, counts } = this.#rules;
    if (!desk.open) return refusals.noLogins;
    if (!isProtected(client)) return refusals.needsTls;
    const login = { user, password, client: this.#key, known: this.#allowed };
    const verdict = await desk.check(login, this.#end.signal);
    if (this.#end.signal.aborted) return refusals.ended;
    if (verdict.kind === "ok") {
      this.#login = { user, tls: client.tls !== undefined };
      if (this.#stranger) counts.known();
      this.#stranger = false;
      return ok;
    }
    if (verdict !== refusals.wrongLogin) return verdict;
    this.#failures++;
    return this.#failures < mostFailures ? refusals.wrongLogin : refusals.lastWrongLogin;
  }

  mail({ reversePath, size }: MailRequest, client: SmtpClient): Verdict {
    const refusal = this.#refusal(client);
    if (refusal !== undefined) return refusal;
    const { options, senders, rate } = this.#rules;
    const limit = options.maxOctets();
    if (size !== undefined && size > limit) return tooLarge(size, limit);
    const verdict = judgeSender(reversePath, senders);
    if (verdict.kind === "no") return verdict;
    return rate.take(plainAddress(client.address), this.#rules.now()) ? ok : refusals.tooFast;
  }

  recipient(address: Address, text: string, recipients: number, client: SmtpClient): Verdict {
    const refusal = this.#refusal(client);
    if (refusal !== undefined) return refusal;
    const { options, senders } = this.#rules;
    if (recipients >= options.maxRecipients) return refusals.tooManyRecipients;
    return judgeRecipient(address, text, senders.domains);
  }

  /** Why this client may not send; `undefined` if it may. */
  #refusal(client: SmtpClient): Verdict | undefined {
    if (this.#end.signal.aborted) return refusals.ended;
    if (this.#allowed) return undefined;
    const login = this.#login;
    // Both must agree: what we checked, on this very channel, and what the server believes.
    if (login !== undefined && login.user === client.user && login.tls === (client.tls !== undefined)) return undefined;
    return isProtected(client) ? refusals.loginNeeded : refusals.tlsNeeded;
  }

  [Symbol.dispose](): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort(new Error("the connection has ended"));
    this.#rules.counts.close(this.#key, this.#stranger);
  }
}
