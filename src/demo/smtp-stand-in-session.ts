/**
 * One SMTP session of the stand-in: RFC 5321 with the extensions that its knobs offer.
 *
 * States: `command` reads CRLF-ended lines one at a time (pipelined ones wait); `data` hands octets to a `DataReader`
 * until the final dot; `auth` takes the lines of a SASL exchange. A phase's rule is asked before the phase is acted on.
 */
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import type { Clock } from "../core/ports.ts";
import { DataReader } from "./smtp-data-reader.ts";
import { SmtpStandInAuth } from "./smtp-stand-in-auth.ts";
import type { SmtpStandInKnobs, StandInAction, StandInPhase } from "./smtp-stand-in-knobs.ts";
import type { ReceivedMessage } from "./received-message.ts";

export interface SmtpStandInWorld {
  readonly connection: number;
  readonly clock: Clock;
  /** Aborted when the stand-in is closed. */
  readonly signal: AbortSignal;
  knobs(): SmtpStandInKnobs;
  /** More connections are open than the knobs allow. */
  isCrowded(): boolean;
  /** Puts TLS on the connection; `undefined` where STARTTLS is not to be had. */
  readonly secure: ((socket: Socket) => Socket) | undefined;
  log(line: string): void;
  take(message: ReceivedMessage): Promise<void>;
}

interface Mail {
  readonly reversePath: string;
  readonly parameters: readonly string[];
  readonly recipients: string[];
  /** Recipients without a mailbox, found out after the dot only. */
  readonly unknown: string[];
}

interface Data {
  readonly reader: DataReader;
  readonly hash: ReturnType<typeof createHash>;
  readonly kept: Buffer[];
  size: number;
  begun: boolean;
}

/** RFC 5321 §4.5.3.1.4 asks for 512; Exchange's long addresses and ours need more. */
const maxLineOctets = 4096;

export class SmtpStandInSession {
  readonly #world: SmtpStandInWorld;
  #socket: Socket;
  #secured: boolean;
  #input: Buffer = Buffer.alloc(0);
  #busy = false;
  #over = false;
  #greeted = false;
  #authenticated = false;
  #mail: Mail | undefined;
  #data: Data | undefined;
  #auth: SmtpStandInAuth | undefined;
  #transactions = 0;
  #errors = 0;

  constructor(world: SmtpStandInWorld, socket: Socket, secured: boolean) {
    this.#world = world;
    this.#socket = socket;
    this.#secured = secured;
    this.#listen();
    void this.#turn(async () => this.#greet());
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("data", this.#onData);
    socket.on("error", () => socket.destroy());
    socket.on("close", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    this.#pump();
  };

  readonly #onClose = (): void => {
    this.#over = true;
  };

  /** One step at a time: a phase that waits holds up what the client has pipelined, and reading stops meanwhile. */
  async #turn(step: () => Promise<void>): Promise<void> {
    this.#busy = true;
    this.#socket.pause();
    try {
      await step();
    } catch (error) {
      if (!this.#world.signal.aborted) throw error;
    } finally {
      this.#busy = false;
      if (!this.#over) {
        this.#socket.resume();
        this.#pump();
      }
    }
  }

  #pump(): void {
    if (this.#busy || this.#over || this.#input.length === 0) return;
    if (this.#data !== undefined) {
      const chunk = this.#input;
      this.#input = Buffer.alloc(0);
      void this.#turn(async () => this.#dataOctets(chunk));
      return;
    }
    const end = this.#input.indexOf("\r\n");
    if (end < 0) {
      if (this.#input.length > maxLineOctets) this.#end("500 5.5.2 line too long");
      return;
    }
    const line = this.#input.subarray(0, end).toString("utf8");
    this.#input = this.#input.subarray(end + 2);
    void this.#turn(async () => this.#line(line));
  }

  async #greet(): Promise<void> {
    const { hostname, backPressure } = this.#world.knobs();
    if (await this.#acted("connect", "")) return;
    if (backPressure === "connect" || this.#world.isCrowded()) this.#end("421 4.3.2 Service not available");
    else this.#reply(`220 ${hostname} ESMTP`);
  }

  async #line(line: string): Promise<void> {
    if (this.#auth !== undefined) {
      this.#world.log("C: ***");
      return this.#authStep(this.#auth.next(line));
    }
    const [verb = ""] = line.split(" ");
    const rest = line.slice(verb.length).trim();
    this.#world.log(`C: ${/^auth$/iu.test(verb) ? `${verb} ${rest.split(" ")[0] ?? ""} ***` : line}`);
    switch (verb.toUpperCase()) {
      case "EHLO":
      case "HELO":
        return this.#ehlo(verb.toUpperCase(), rest);
      case "STARTTLS":
        return this.#startTls();
      case "AUTH":
        return this.#startAuth(rest);
      case "MAIL":
        return this.#mailFrom(rest);
      case "RCPT":
        return this.#rcptTo(rest);
      case "DATA":
        return this.#startData();
      case "RSET":
        if (await this.#acted("rset", rest)) return;
        this.#mail = undefined;
        return this.#reply("250 2.0.0 OK");
      case "NOOP":
        return this.#reply("250 2.0.0 OK");
      case "QUIT":
        if (await this.#acted("quit", rest)) return;
        return this.#end("221 2.0.0 bye");
      default:
        return this.#reply("502 5.5.1 command not implemented");
    }
  }

  async #ehlo(verb: string, argument: string): Promise<void> {
    if (await this.#acted("ehlo", argument)) return;
    const knobs = this.#world.knobs();
    if (verb === "EHLO" && knobs.heloOnly) return this.#reply("502 5.5.1 command not implemented");
    this.#greeted = true;
    this.#mail = undefined;
    const offers = verb === "HELO" ? [] : this.#extensions(knobs);
    const lines = [`${knobs.hostname} Hello`, ...offers];
    this.#send(lines.map((text, index) => `250${index < lines.length - 1 ? "-" : " "}${text}`));
  }

  #extensions(knobs: SmtpStandInKnobs): string[] {
    const withAuth = knobs.auth.length > 0 && (this.#secured || !knobs.authNeedsTls);
    return [
      ...(knobs.size === undefined ? [] : [`SIZE ${knobs.size}`]),
      ...(knobs.pipelining ? ["PIPELINING"] : []),
      ...(knobs.dsn ? ["DSN"] : []),
      ...(knobs.enhancedStatusCodes ? ["ENHANCEDSTATUSCODES"] : []),
      ...(knobs.starttls && this.#world.secure !== undefined && !this.#secured ? ["STARTTLS"] : []),
      ...(withAuth ? [`AUTH ${knobs.auth.join(" ")}`] : []),
      ...(knobs.eightBitMime ? ["8BITMIME"] : []),
      ...(knobs.smtpUtf8 ? ["SMTPUTF8"] : []),
      ...knobs.moreKeywords,
    ];
  }

  async #startTls(): Promise<void> {
    if (await this.#acted("starttls", "")) return;
    const { secure } = this.#world;
    if (secure === undefined || this.#secured || !this.#world.knobs().starttls)
      return this.#reply("502 5.5.1 no STARTTLS here");
    // What came in the clear behind the command must not count (RFC 3207 §5).
    this.#input = Buffer.alloc(0);
    this.#reply("220 2.0.0 go ahead");
    this.#socket.off("data", this.#onData);
    this.#socket.off("close", this.#onClose);
    this.#socket = secure(this.#socket);
    this.#secured = true;
    this.#greeted = false;
    this.#mail = undefined;
    this.#listen();
  }

  async #startAuth(argument: string): Promise<void> {
    if (await this.#acted("auth", argument)) return;
    const knobs = this.#world.knobs();
    const [name = "", initial] = argument.split(" ");
    if (knobs.authNeedsTls && !this.#secured) return this.#reply("538 5.7.11 encryption required");
    const mechanism = knobs.auth.find((offered) => offered === name.toUpperCase());
    if (mechanism === undefined) return this.#reply("504 5.5.4 mechanism not offered");
    this.#auth = new SmtpStandInAuth(mechanism, knobs.users, `<${this.#world.connection}@${knobs.hostname}>`);
    return this.#authStep(this.#auth.begin(initial));
  }

  async #authStep(step: ReturnType<SmtpStandInAuth["next"]>): Promise<void> {
    if (step.kind === "challenge") return this.#reply(`334 ${step.text}`);
    this.#auth = undefined;
    this.#authenticated = step.kind === "good";
    this.#reply(step.kind === "good" ? "235 2.7.0 welcome" : "535 5.7.8 authentication credentials invalid");
  }

  async #mailFrom(argument: string): Promise<void> {
    const match = /^FROM:\s*<([^>]*)>\s*(.*)$/iu.exec(argument);
    const reversePath = match?.[1] ?? "";
    const knobs = this.#world.knobs();
    // The transaction is counted before a rule is asked, so that a rule can tell the first from the second.
    this.#transactions += 1;
    if (await this.#acted("mail", reversePath)) return;
    if (!this.#greeted) return this.#reply("503 5.5.1 say EHLO first");
    if (this.#mail !== undefined) return this.#reply("503 5.5.1 nested MAIL");
    if (match === null) return this.#reply("501 5.5.4 syntax: MAIL FROM:<address>");
    if (knobs.authRequired && !this.#authenticated) return this.#reply("530 5.7.0 authentication required");
    if (this.#transactions > knobs.messagesPerConnection) return this.#end("421 4.7.0 too many messages");
    if (knobs.backPressure === "mail") return this.#reply("452 4.3.1 Insufficient system resources");
    const parameters = (match[2] ?? "").toUpperCase().split(" ").filter(Boolean);
    const size = Number(parameters.find((text) => text.startsWith("SIZE="))?.slice(5) ?? 0);
    if (knobs.size !== undefined && size > knobs.size) return this.#reply("552 5.3.4 message size exceeds fixed limit");
    this.#mail = { reversePath, parameters, recipients: [], unknown: [] };
    this.#reply("250 2.1.0 sender OK");
  }

  async #rcptTo(argument: string): Promise<void> {
    const match = /^TO:\s*<([^>]+)>/iu.exec(argument);
    const address = match?.[1] ?? "";
    const knobs = this.#world.knobs();
    const own = knobs.atRcpt[address.toLowerCase()];
    if (own !== undefined) return this.#act(own);
    if (await this.#acted("rcpt", address)) return;
    if (this.#mail === undefined) return this.#reply("503 5.5.1 MAIL first");
    if (match === null) return this.#reply("501 5.5.4 syntax: RCPT TO:<address>");
    if (this.#mail.recipients.length >= knobs.maxRecipients) return this.#reply("452 4.5.3 too many recipients");
    const known = knobs.mailboxes === undefined || knobs.mailboxes.has(address.toLowerCase());
    if (!known && knobs.recipientCheck === "rcpt") {
      if (knobs.tarpitMs > 0) await this.#world.clock.sleep(knobs.tarpitMs, this.#world.signal);
      return this.#reply("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup");
    }
    if (!known) this.#mail.unknown.push(address);
    this.#mail.recipients.push(address);
    this.#reply("250 2.1.5 recipient OK");
  }

  async #startData(): Promise<void> {
    if (await this.#acted("data", "")) return;
    if (this.#mail === undefined) return this.#reply("503 5.5.1 MAIL first");
    if (this.#mail.recipients.length === 0) return this.#reply("554 5.5.1 no valid recipients");
    this.#data = { reader: new DataReader(), hash: createHash("sha256"), kept: [], size: 0, begun: false };
    this.#reply("354 start mail input; end with <CRLF>.<CRLF>");
  }

  async #dataOctets(chunk: Buffer): Promise<void> {
    const data = this.#data;
    if (data === undefined) return;
    if (!data.begun) {
      data.begun = true;
      if (await this.#acted("body", "")) return;
    }
    const step = data.reader.push(chunk);
    for (const octets of step.octets) {
      data.hash.update(octets);
      data.size += octets.length;
      if (this.#world.knobs().keepRaw) data.kept.push(octets);
    }
    if (step.kind === "more") return;
    this.#data = undefined;
    this.#input = Buffer.concat([step.rest, this.#input]);
    await this.#dot(data);
  }

  async #dot(data: Data): Promise<void> {
    const mail = this.#mail;
    this.#mail = undefined;
    if (mail === undefined) return;
    const knobs = this.#world.knobs();
    const message: ReceivedMessage = {
      reversePath: mail.reversePath,
      mailParameters: mail.parameters,
      recipients: mail.recipients,
      raw: Buffer.concat(data.kept),
      size: data.size,
      digest: data.hash.digest("hex"),
      at: this.#world.clock.now(),
      connection: this.#world.connection,
    };
    if (await this.#acted("dot", mail.recipients.join(" "), message)) return;
    const limit = Math.min(knobs.size ?? Number.POSITIVE_INFINITY, knobs.hiddenSize ?? Number.POSITIVE_INFINITY);
    if (data.size > limit) return this.#reply("552 5.3.4 message size exceeds fixed limit");
    if (mail.unknown.length > 0) return this.#reply("550 5.1.1 User unknown");
    await this.#world.take(message);
    this.#reply(`250 2.6.0 <${message.digest.slice(0, 12)}@${knobs.hostname}> Queued mail for delivery`);
  }

  /** True when a rule has acted in place of the phase. Waits the phase's delay first. */
  async #acted(phase: StandInPhase, argument: string, message?: ReceivedMessage): Promise<boolean> {
    const { at, delayMs } = this.#world.knobs();
    const wait = delayMs[phase] ?? 0;
    if (wait > 0) await this.#world.clock.sleep(wait, this.#world.signal);
    const rule = at[phase];
    const moment = { phase, argument, connection: this.#world.connection, transaction: this.#transactions };
    const action = typeof rule === "function" ? rule(moment) : rule;
    if (action === undefined) return false;
    if (action.do !== "reply" && action.taken === true && message !== undefined) await this.#world.take(message);
    await this.#act(action);
    return true;
  }

  async #act(action: StandInAction): Promise<void> {
    switch (action.do) {
      case "reply": {
        const code = action.line.slice(0, 3);
        const texts = action.line.slice(4).split("\n");
        this.#data = undefined;
        this.#send(texts.map((text, index) => `${code}${index < texts.length - 1 ? "-" : " "}${text}`));
        if (action.close === true || code === "421") this.#end();
        return;
      }
      case "drop":
        this.#over = true;
        this.#socket.destroy();
        return;
      case "reset":
        this.#over = true;
        this.#socket.resetAndDestroy();
        return;
      case "silence":
        this.#over = true;
        this.#socket.resume();
    }
  }

  #reply(line: string): void {
    this.#send([line]);
  }

  #send(lines: readonly string[]): void {
    if (this.#over) return;
    for (const line of lines) this.#world.log(`S: ${line}`);
    const shown = this.#world.knobs().enhancedStatusCodes
      ? lines
      : lines.map((line) => line.replace(/^(\d{3}[ -])\d\.\d+\.\d+ /u, "$1"));
    this.#socket.write(shown.map((line) => `${line}\r\n`).join(""));
    if (lines[0]?.startsWith("5") !== true) return;
    this.#errors += 1;
    if (this.#errors >= this.#world.knobs().maxErrors)
      this.#end("421 4.7.0 Too many errors on this connection, closing transmission channel");
  }

  #end(line?: string): void {
    if (line !== undefined) this.#send([line]);
    this.#over = true;
    this.#socket.end();
    // What the client has pipelined is read and dropped: unread, it would turn the end into a reset that eats replies.
    this.#socket.off("data", this.#onData);
    this.#socket.resume();
  }
}
