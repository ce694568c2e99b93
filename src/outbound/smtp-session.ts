/**
 * What one client may say, command by command (RFC 5321 §4.1): EHLO, STARTTLS (RFC 3207), AUTH (RFC 4954) and the small
 * ones; the mail transaction is in `smtp-transaction.ts`. It knows nothing of sockets: lines come in, replies go out
 * through a `Wire`.
 *
 * After STARTTLS the client is as it was when it connected (RFC 3207 §4.2). A client that makes too many errors is sent
 * away. When the connection is to end (`end`), a client that waits for us is answered first.
 */
import type { Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import type { Pass, Receiver, SmtpAnswer, SmtpClient } from "./port.ts";
import { answers } from "./smtp-answers.ts";
import { beginLogin, type LoginStep } from "./smtp-login.ts";
import type { BodySink } from "./smtp-reader.ts";
import { MailTransactions, type Stage } from "./smtp-transaction.ts";
import { utf8Text } from "./smtp-xtext.ts";

/** Commands that are not understood, before a client is sent away. */
const maxErrors = 10;

/** The connection under a session. After `close` nothing more is asked of it. */
export interface Wire {
  readonly tls: SmtpClient["tls"];
  /** There is a certificate, and TLS is not active. */
  readonly canStartTls: boolean;
  /** True while the client waits for us. */
  readonly isWorking: boolean;
  answer(answer: SmtpAnswer): void;
  lines(code: number, lines: readonly string[]): void;
  /** Ends the connection after what has been answered. */
  close(): void;
  /** Negotiates TLS and then tells the session to `restart`. */
  startTls(): void;
  readText(sink: BodySink): void;
  readOctets(octets: number, sink: BodySink): void;
}

export interface SessionOptions {
  readonly hostname: string;
  readonly postmaster: Address;
  readonly receiver: Receiver;
  readonly events: EventSink;
  readonly pass: Pass;
  readonly address: string;
  readonly listener: string;
  /** The client was told no. */
  readonly refused: (client: SmtpClient, stage: Stage | "helo" | "auth", answer: SmtpAnswer) => void;
}

type Command = (rest: string) => Promise<void> | void;

export class SmtpSession {
  readonly #options: SessionOptions;
  readonly #wire: Wire;
  readonly #mail: MailTransactions;
  #helo = "";
  #esmtp = false;
  #user: string | undefined;
  /** What the client's next line is to be read by, in the middle of a login. */
  #login: ((line: string) => LoginStep) | undefined;
  #errors = 0;
  #ending: SmtpAnswer | undefined;
  #closed = false;

  constructor(options: SessionOptions, wire: Wire) {
    this.#options = options;
    this.#wire = wire;
    this.#mail = new MailTransactions({
      ...options,
      client: () => this.client(),
      answer: (answer) => this.#answer(answer),
      refuse: (stage, answer, close) => this.#refuse(stage, answer, close),
      readText: (sink) => wire.readText(this.#guarded(sink)),
      readOctets: (octets, sink) => wire.readOctets(octets, this.#guarded(sink)),
      stored: () => {
        this.#errors = 0;
      },
    });
  }

  /** The client, as far as it is known by now. */
  client(): SmtpClient {
    const { address, listener } = this.#options;
    return { address, listener, helo: this.#helo, esmtp: this.#esmtp, tls: this.#wire.tls, user: this.#user };
  }

  /** One command; `undefined`: it was too long to be read. Returns a promise when the client has to wait. */
  line(octets: Buffer | undefined): Promise<void> | undefined {
    if (this.#closed) return undefined;
    const working = this.#run(octets);
    if (working === undefined) this.#endIfDue();
    return working?.then(() => this.#endIfDue());
  }

  /** After STARTTLS: nothing that was said before counts. */
  restart(): void {
    this.#helo = "";
    this.#esmtp = false;
    this.#user = undefined;
    this.#login = undefined;
    void this.#mail.cancel("TLS was negotiated");
  }

  /** The connection is to end: at once, or (`gently`) after the message that is under way. A client that waits is answered. */
  end(answer: SmtpAnswer, gently: boolean): void {
    if (this.#closed) return;
    if (this.#wire.isWorking || (gently && this.#mail.isTakingIn)) this.#ending = answer;
    else this.#sendAway(answer);
  }

  /** The connection is gone. Resolves when nothing of it is under way any more. */
  async lost(): Promise<void> {
    this.#closed = true;
    await this.#mail.cancel("the client is gone");
  }

  #run(octets: Buffer | undefined): Promise<void> | undefined {
    try {
      // In the end only the chunks of a message that is under way are still taken.
      const verb = octets === undefined ? "" : octets.toString("latin1", 0, 5).toUpperCase();
      if (this.#ending !== undefined && !(this.#mail.isTakingIn && verb === "BDAT ")) {
        this.#sendAway(this.#ending);
        return undefined;
      }
      return this.#dispatch(octets)?.catch((error: unknown) => this.#fault(error));
    } catch (error) {
      this.#fault(error);
      return undefined;
    }
  }

  #dispatch(octets: Buffer | undefined): Promise<void> | undefined {
    const text = octets === undefined ? undefined : utf8Text(octets);
    const login = this.#login;
    this.#login = undefined;
    if (text === undefined) return this.#error(octets === undefined ? answers.lineTooLong : answers.unreadableLine);
    if (login !== undefined) return this.#continueLogin(login(text));
    if (/^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|TRACE|CONNECT|PATCH|PRI) .*HTTP\//iu.test(text)) {
      return this.#sendAway(answers.notHttp);
    }
    const space = text.indexOf(" ");
    const verb = space < 0 ? text : text.slice(0, space);
    const command = this.#commands.get(verb.toUpperCase());
    if (command === undefined) return this.#error(answers.unknownCommand);
    return command(space < 0 ? "" : text.slice(space).trim()) ?? undefined;
  }

  readonly #commands: ReadonlyMap<string, Command> = new Map<string, Command>([
    ["EHLO", (rest) => this.#hello(rest, true)],
    ["HELO", (rest) => this.#hello(rest, false)],
    ["STARTTLS", (rest) => this.#withoutArguments(rest, () => this.#startTls())],
    ["AUTH", (rest) => this.#auth(rest)],
    ["MAIL", (rest) => this.#afterHello(() => this.#mail.mail(rest))],
    ["RCPT", (rest) => this.#afterHello(() => this.#mail.recipient(rest))],
    ["DATA", (rest) => this.#withoutArguments(rest, () => this.#afterHello(() => this.#mail.data()))],
    ["BDAT", (rest) => this.#chunk(rest)],
    ["RSET", (rest) => this.#withoutArguments(rest, () => this.#afterCancel(() => this.#answer(answers.reset)))],
    ["NOOP", () => this.#answer(answers.ok)],
    ["VRFY", (rest) => this.#answer(rest === "" ? answers.emptyArgument : answers.cannotVerify)],
    ["EXPN", () => this.#answer(answers.notImplemented)],
    ["HELP", () => this.#answer(answers.help)],
    ["QUIT", (rest) => this.#withoutArguments(rest, () => this.#afterCancel(() => this.#sendAway(answers.goodbye)))],
  ]);

  #hello(name: string, esmtp: boolean): Promise<void> | void {
    if (!/^[!-~]{1,255}$/u.test(name)) return this.#answer(answers.badHello);
    return this.#afterCancel(() => {
      this.#helo = name;
      this.#esmtp = esmtp;
      this.#wire.lines(250, esmtp ? [this.#options.hostname, ...this.#offers()] : [this.#options.hostname]);
    });
  }

  #offers(): string[] {
    const { receiver, pass } = this.#options;
    const offers = [
      "PIPELINING",
      `SIZE ${receiver.maxOctets()}`,
      "8BITMIME",
      "SMTPUTF8",
      "DSN",
      "ENHANCEDSTATUSCODES",
      "CHUNKING",
    ];
    if (this.#wire.canStartTls) offers.push("STARTTLS");
    // RFC 8689 §2: only over TLS. Where no relay keeps it, the sender is to learn that from his own server, and at once.
    const keepsRequireTls = receiver.keepsRequireTls?.() ?? true;
    if (this.#wire.tls !== undefined && keepsRequireTls) offers.push("REQUIRETLS");
    if (this.#user === undefined && pass.mayLogIn(this.client())) offers.push("AUTH PLAIN LOGIN");
    return offers;
  }

  #startTls(): Promise<void> | void {
    if (this.#wire.tls !== undefined) return this.#answer(answers.encryptedAlready);
    if (!this.#wire.canStartTls) return this.#answer(answers.notImplemented);
    return this.#afterCancel(() => {
      this.#answer(answers.readyForTls);
      this.#wire.startTls();
    });
  }

  #auth(rest: string): Promise<void> | void {
    if (this.#helo === "") return this.#answer(answers.helloFirst);
    if (this.#user !== undefined) return this.#answer(answers.loggedInAlready);
    if (this.#mail.isOpen) return this.#answer(answers.loginTooLate);
    if (!this.#options.pass.mayLogIn(this.client())) {
      return this.#refuse("auth", this.#wire.canStartTls ? answers.loginNeedsTls : answers.notImplemented, false);
    }
    const [mechanism = "", initial, ...more] = rest.split(/ +/u);
    if (more.length > 0 || mechanism === "") return this.#answer(answers.badLogin);
    return this.#continueLogin(beginLogin(mechanism, initial));
  }

  #continueLogin(step: LoginStep): Promise<void> | undefined {
    switch (step.kind) {
      case "ask":
        this.#login = step.next;
        this.#answer({ code: 334, enhanced: "", text: step.challenge });
        return undefined;
      case "bad":
        return this.#error(step.answer);
      case "try":
        return this.#logIn(step.user, step.password);
    }
  }

  async #logIn(user: string, password: string): Promise<void> {
    const verdict = await this.#options.pass.logIn(user, password, this.client());
    if (this.#closed) return;
    if (verdict.kind === "no") return this.#refuse("auth", verdict.answer, verdict.close);
    this.#user = user;
    this.#answer(answers.loggedIn);
  }

  #chunk(rest: string): void {
    const [, digits, last] = /^(\d{1,20})( +LAST)?$/iu.exec(rest) ?? [];
    const octets = digits === undefined ? Number.NaN : Number(digits);
    // Without the number nobody knows where the next command begins.
    if (!Number.isSafeInteger(octets)) return this.#sendAway(answers.badChunk);
    try {
      this.#mail.chunk(octets, last !== undefined);
    } catch (error) {
      // Nobody would read its octets away, and they must not be read as commands.
      this.#fault(error);
      this.#close();
    }
  }

  #withoutArguments(rest: string, then: () => Promise<void> | void): Promise<void> | void {
    return rest === "" ? then() : this.#answer(answers.noArguments);
  }

  #afterHello(then: () => void): void {
    if (this.#helo === "") this.#answer(answers.helloFirst);
    else then();
  }

  /** Waits only when the receiver has something to let go of: replies to a pipelined group then leave together. */
  #afterCancel(then: () => void): Promise<void> | void {
    const cancelling = this.#mail.cancel("the client began anew");
    return cancelling === undefined ? then() : cancelling.then(then);
  }

  /** Whatever goes wrong with a body is told, and the session looks afterwards whether it is to end. */
  #guarded(sink: BodySink): BodySink {
    return {
      take: (chunk) => sink.take(chunk),
      end: async () => {
        try {
          await sink.end();
        } catch (error) {
          this.#fault(error);
        }
        this.#endIfDue();
      },
    };
  }

  #endIfDue(): void {
    if (this.#ending !== undefined && !this.#mail.isTakingIn) this.#sendAway(this.#ending);
  }

  #error(answer: SmtpAnswer): undefined {
    this.#errors++;
    if (this.#errors < maxErrors) this.#answer(answer);
    else this.#refuse("helo", answers.tooManyErrors, true);
  }

  /** A fault of ours: it is told to the operator, and the client may try again. */
  #fault(error: unknown): void {
    this.#options.events.emit({ kind: "internal-error", where: "listener", detail: String(error) });
    this.#answer(answers.fault);
  }

  #refuse(stage: Stage | "helo" | "auth", answer: SmtpAnswer, close: boolean): void {
    if (this.#closed) return;
    this.#options.refused(this.client(), stage, answer);
    this.#answer(answer);
    if (close) this.#close();
  }

  #sendAway(answer: SmtpAnswer): undefined {
    this.#answer(answer);
    this.#close();
  }

  #answer(answer: SmtpAnswer): void {
    if (!this.#closed) this.#wire.answer(answer);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wire.close();
  }
}
