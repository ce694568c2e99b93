/**
 * One SMTP session of the stand-in: RFC 5321 with the extensions that its knobs offer.
 *
 *   greeting ──EHLO, HELO──▶ ready ──MAIL──▶ transaction ──DATA──▶ data ──final dot──▶ ready
 *      ready ──AUTH──▶ auth ──▶ ready          ready, transaction ──STARTTLS──▶ greeting, under TLS
 *
 * In `data`, octets go to a `DataReader`; in `auth`, lines go to the SASL exchange; everywhere else lines are commands,
 * one at a time, and pipelined ones wait. A phase's rule is asked before the phase is acted on.
 */
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import type { ReceivedMessage } from "./received-message.ts";
import { DataReader } from "./smtp-data-reader.ts";
import { SmtpStandInAnswers, type SmtpStandInWorld } from "./smtp-stand-in-answers.ts";
import { SmtpStandInAuth } from "./smtp-stand-in-auth.ts";
import { SmtpStandInChannel } from "./smtp-stand-in-channel.ts";
import { offersOf, parsePath } from "./smtp-stand-in-envelope.ts";

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

/** RFC 4954 §4 asks for as much in AUTH; for commands RFC 5321 §4.5.3.1.4 asks for 512. */
const maxLineOctets = 12_288;

export class SmtpStandInSession {
  readonly #world: SmtpStandInWorld;
  readonly #channel: SmtpStandInChannel;
  readonly #answers: SmtpStandInAnswers;
  #busy = false;
  /** Keywords that were offered; `undefined` before EHLO or HELO. */
  #offers: ReadonlySet<string> | undefined;
  #authenticated = false;
  #mail: Mail | undefined;
  #data: Data | undefined;
  #auth: SmtpStandInAuth | undefined;

  /** `secure`: TLS from the first octet. */
  constructor(world: SmtpStandInWorld, socket: Socket, secure: ((socket: Socket) => Socket) | undefined) {
    this.#world = world;
    this.#channel = new SmtpStandInChannel(socket, secure, () => this.#pump());
    this.#answers = new SmtpStandInAnswers(world, this.#channel);
    void this.#turn(async () => this.#greet());
  }

  /** One step at a time: a phase that waits holds up what the client has pipelined, and reading stops meanwhile. */
  async #turn(step: () => Promise<void>): Promise<void> {
    this.#busy = true;
    this.#channel.pause();
    try {
      await step();
    } catch (error) {
      // Anything but the stand-in's own end is the fault of a rule or of this class, and has to be seen.
      if (!this.#world.signal.aborted) throw error;
    } finally {
      this.#busy = false;
      if (!this.#channel.over) {
        this.#channel.resume();
        this.#pump();
      }
    }
  }

  #pump(): void {
    if (this.#busy || this.#channel.over || this.#channel.pending === 0) return;
    if (this.#data !== undefined) {
      const chunk = this.#channel.octets();
      void this.#turn(async () => this.#dataOctets(chunk));
      return;
    }
    const line = this.#channel.line();
    if (line !== undefined) void this.#turn(async () => this.#line(line.toString("utf8")));
    else if (this.#channel.pending > maxLineOctets) this.#answers.end("500 5.5.2 line too long");
  }

  async #greet(): Promise<void> {
    const { hostname, backPressure } = this.#world.knobs();
    if (await this.#answers.acted("connect", "")) return;
    if (backPressure === "connect" || this.#world.isCrowded()) this.#answers.end("421 4.3.2 Service not available");
    else this.#answers.reply(`220 ${hostname} ESMTP`);
  }

  async #line(line: string): Promise<void> {
    if (this.#auth !== undefined) {
      this.#world.log("C: ***");
      return this.#authStep(this.#auth.next(line));
    }
    const [verb = ""] = line.split(" ");
    const rest = line.slice(verb.length + 1);
    this.#world.log(`C: ${/^auth$/iu.test(verb) ? `${verb} ${rest.split(" ")[0] ?? ""} ***` : line}`);
    if (/[\r\n\0]/u.test(line)) return this.#answers.reply("500 5.5.2 only CRLF ends a line");
    if (!this.#world.knobs().pipelining && this.#channel.pending > 0)
      return this.#answers.end("554 5.5.0 you were not offered PIPELINING");
    return this.#command(verb.toUpperCase(), rest);
  }

  async #command(verb: string, rest: string): Promise<void> {
    switch (verb) {
      case "EHLO":
      case "HELO":
        return this.#ehlo(verb, rest);
      case "STARTTLS":
        return this.#startTls(rest);
      case "AUTH":
        return this.#startAuth(rest);
      case "MAIL":
        return this.#mailFrom(rest);
      case "RCPT":
        return this.#rcptTo(rest);
      case "DATA":
        return this.#startData(rest);
      case "RSET":
        if (await this.#answers.acted("rset", rest)) return;
        this.#mail = undefined;
        return this.#answers.reply("250 2.0.0 OK");
      case "NOOP":
        return this.#answers.reply("250 2.0.0 OK");
      case "QUIT":
        if (await this.#answers.acted("quit", rest)) return;
        return this.#answers.end("221 2.0.0 bye");
      default:
        return this.#answers.reply("502 5.5.1 command not implemented");
    }
  }

  async #ehlo(verb: string, argument: string): Promise<void> {
    if (await this.#answers.acted("ehlo", argument)) return;
    const knobs = this.#world.knobs();
    if (verb === "EHLO" && knobs.heloOnly) return this.#answers.reply("502 5.5.1 command not implemented");
    if (argument.trim() === "") return this.#answers.reply("501 5.5.4 who are you?");
    const canSecure = this.#world.secure !== undefined;
    const offers = verb === "HELO" ? [] : offersOf(knobs, this.#channel.secured, canSecure);
    this.#offers = new Set(offers.map((offer) => offer.split(" ")[0] ?? ""));
    this.#mail = undefined;
    const lines = [`${knobs.hostname} Hello`, ...offers];
    this.#answers.send(lines.map((text, index) => `250${index < offers.length ? "-" : " "}${text}`));
  }

  async #startTls(argument: string): Promise<void> {
    if (await this.#answers.acted("starttls", argument)) return;
    const { secure } = this.#world;
    if (secure === undefined || this.#channel.secured || !this.#world.knobs().starttls)
      return this.#answers.reply("502 5.5.1 no STARTTLS here");
    if (argument !== "") return this.#answers.reply("501 5.5.4 STARTTLS takes no argument");
    this.#answers.reply("220 2.0.0 go ahead");
    this.#channel.secure(secure);
    // RFC 3207 §4.2: nothing that was learnt in the clear counts any more.
    this.#offers = undefined;
    this.#authenticated = false;
    this.#mail = undefined;
  }

  async #startAuth(argument: string): Promise<void> {
    if (await this.#answers.acted("auth", argument)) return;
    const knobs = this.#world.knobs();
    const [name = "", initial] = argument.split(" ");
    if (this.#offers === undefined) return this.#answers.reply("503 5.5.1 say EHLO first");
    // RFC 4954 §4: once, and not within a transaction.
    if (this.#authenticated || this.#mail !== undefined) return this.#answers.reply("503 5.5.1 no AUTH now");
    if (knobs.authNeedsTls && !this.#channel.secured) return this.#answers.reply("538 5.7.11 encryption required");
    const mechanism = knobs.auth.find((offered) => offered === name.toUpperCase());
    if (mechanism === undefined) return this.#answers.reply("504 5.5.4 mechanism not offered");
    this.#auth = new SmtpStandInAuth(mechanism, knobs.users, `<${this.#world.connection}@${knobs.hostname}>`);
    return this.#authStep(this.#auth.begin(initial));
  }

  async #authStep(step: ReturnType<SmtpStandInAuth["next"]>): Promise<void> {
    if (step.kind === "challenge") return this.#answers.reply(`334 ${step.text}`);
    this.#auth = undefined;
    this.#authenticated = step.kind === "good";
    this.#answers.reply(step.kind === "good" ? "235 2.7.0 welcome" : "535 5.7.8 authentication credentials invalid");
  }

  async #mailFrom(argument: string): Promise<void> {
    const answers = this.#answers;
    const knobs = this.#world.knobs();
    const path = parsePath("FROM", argument, this.#offers ?? new Set(), false);
    // The transaction is counted before a rule is asked, so that a rule can tell the first from the second.
    answers.transactions += 1;
    if (await answers.acted("mail", path.kind === "ok" ? path.address : argument)) return;
    if (this.#offers === undefined) return answers.reply("503 5.5.1 say EHLO first");
    if (this.#mail !== undefined) return answers.reply("503 5.5.1 nested MAIL");
    if (path.kind === "bad") return answers.reply(path.line);
    if (knobs.authRequired && !this.#authenticated) return answers.reply("530 5.7.0 authentication required");
    if (answers.transactions > knobs.messagesPerConnection) return answers.end("421 4.7.0 too many messages");
    if (knobs.backPressure === "mail") return answers.reply("452 4.3.1 Insufficient system resources");
    const parameters = path.parameters.map((parameter) => parameter.toUpperCase());
    const size = Number(parameters.find((parameter) => parameter.startsWith("SIZE="))?.slice(5) ?? 0);
    if (knobs.size !== undefined && size > knobs.size)
      return answers.reply("552 5.3.4 message size exceeds fixed limit");
    this.#mail = { reversePath: path.address, parameters, recipients: [], unknown: [] };
    answers.reply("250 2.1.0 sender OK");
  }

  async #rcptTo(argument: string): Promise<void> {
    const answers = this.#answers;
    const knobs = this.#world.knobs();
    const mail = this.#mail;
    const utf8 = mail?.parameters.includes("SMTPUTF8") === true;
    const path = parsePath("TO", argument, this.#offers ?? new Set(), utf8);
    if (await answers.acted("rcpt", path.kind === "ok" ? path.address : argument)) return;
    if (mail === undefined) return answers.reply("503 5.5.1 MAIL first");
    if (path.kind === "bad") return answers.refuseRecipient(path.line);
    if (mail.recipients.length >= knobs.maxRecipients) return answers.reply("452 4.5.3 too many recipients");
    const known = knobs.mailboxes === undefined || knobs.mailboxes.has(path.address.toLowerCase());
    if (!known && knobs.recipientCheck === "rcpt")
      return answers.refuseRecipient(
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
      );
    if (!known) mail.unknown.push(path.address);
    mail.recipients.push(path.address);
    answers.reply("250 2.1.5 recipient OK");
  }

  async #startData(argument: string): Promise<void> {
    if (await this.#answers.acted("data", argument)) return;
    if (this.#mail === undefined) return this.#answers.reply("503 5.5.1 MAIL first");
    if (argument !== "") return this.#answers.reply("501 5.5.4 DATA takes no argument");
    if (this.#mail.recipients.length === 0) return this.#answers.reply("554 5.5.1 no valid recipients");
    this.#data = { reader: new DataReader(), hash: createHash("sha256"), kept: [], size: 0, begun: false };
    this.#answers.reply("354 start mail input; end with <CRLF>.<CRLF>");
  }

  async #dataOctets(chunk: Buffer): Promise<void> {
    const data = this.#data;
    if (data === undefined) return;
    if (!data.begun) {
      data.begun = true;
      if (await this.#answers.acted("body", "")) {
        this.#data = undefined;
        return;
      }
    }
    const step = data.reader.push(chunk);
    const { keepRaw } = this.#world.knobs();
    for (const octets of step.octets) {
      data.hash.update(octets);
      data.size += octets.length;
      // What will be refused for its size is not worth keeping.
      if (keepRaw && data.size <= this.#sizeLimit()) data.kept.push(octets);
    }
    if (step.kind === "more") return;
    this.#data = undefined;
    this.#channel.unread(step.rest);
    await this.#dot(data);
  }

  #sizeLimit(): number {
    const { size, hiddenSize } = this.#world.knobs();
    return Math.min(size ?? Number.POSITIVE_INFINITY, hiddenSize ?? Number.POSITIVE_INFINITY);
  }

  async #dot(data: Data): Promise<void> {
    const mail = this.#mail;
    this.#mail = undefined;
    if (mail === undefined) return;
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
    if (await this.#answers.acted("dot", mail.recipients.join(" "), message)) return;
    if (data.size > this.#sizeLimit()) return this.#answers.send(["552 5.3.4 message size exceeds fixed limit"], "dot");
    if (mail.unknown.length > 0) return this.#answers.send(["550 5.1.1 User unknown"], "dot");
    await this.#world.take(message);
    const name = `${message.digest.slice(0, 12)}@${this.#world.knobs().hostname}`;
    this.#answers.send([`250 2.6.0 <${name}> Queued mail for delivery`], "dot");
  }
}
