/**
 * One POP3 session of the stand-in provider: RFC 1939 to the letter, CAPA and PIPELINING of RFC 2449, STLS of RFC 2595,
 * AUTH PLAIN of RFC 5034. Faults come from `StandInFaults`.
 *
 * States: `authorization` (USER, PASS, APOP, AUTH, STLS, CAPA) leaves by a login to `transaction`, which leaves by QUIT,
 * where deletions happen. A connection that ends in any other way deletes nothing.
 */
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import type { Clock } from "../core/ports.ts";
import { type StandInBox, type StandInFaults, type StoredMessage, stuff, top } from "./pop3-stand-in-box.ts";

export interface StandInWorld {
  readonly boxes: ReadonlyMap<string, { readonly password: string; readonly box: StandInBox }>;
  readonly faults: StandInFaults;
  readonly clock: Clock;
  readonly loginDelaySeconds: number | undefined;
  readonly stamp: string;
  capabilities(session: { readonly secured: boolean; readonly loggedIn: boolean }): readonly string[];
  /** Called with every command; secrets are shown as `***`. */
  log(line: string): void;
  /** Puts TLS on the connection; `undefined` when the stand-in has no certificate. */
  readonly secure: ((socket: Socket) => Socket) | undefined;
}

interface Drop {
  readonly box: StandInBox;
  readonly messages: readonly StoredMessage[];
  readonly deleted: Set<number>;
}

/** No strict server reads longer commands (RFC 2449 §4). */
const maxCommandOctets = 4096;

export class StandInSession {
  readonly #world: StandInWorld;
  #socket: Socket;
  #secured: boolean;
  #input = "";
  #user = "";
  #awaitingPlain = false;
  #drop: Drop | undefined;
  #sent = 0;
  #over = false;

  constructor(world: StandInWorld, socket: Socket, secured: boolean) {
    this.#world = world;
    this.#socket = socket;
    this.#secured = secured;
    this.#listen();
    this.#send(`+OK POP3 stand-in ready ${world.stamp}\r\n`);
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("data", (chunk: Buffer) => {
      this.#input += chunk.toString("latin1");
      this.#pump();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (socket === this.#socket) this.#release();
    });
  }

  /** Handles whole lines as long as the client reads; the replies of one burst leave in one write. */
  #pump(): void {
    const socket = this.#socket;
    socket.cork();
    while (!this.#over && socket === this.#socket) {
      if (socket.writableNeedDrain) {
        socket.pause();
        socket.once("drain", () => {
          socket.resume();
          this.#pump();
        });
        break;
      }
      const end = this.#input.indexOf("\n");
      if (end < 0) {
        if (this.#input.length > maxCommandOctets) this.#hangUp("-ERR line too long\r\n");
        break;
      }
      const line = this.#input.slice(0, end).replace(/\r$/u, "");
      this.#input = this.#input.slice(end + 1);
      this.#command(line);
    }
    socket.uncork();
  }

  #command(line: string): void {
    if (this.#awaitingPlain) {
      this.#awaitingPlain = false;
      this.#world.log("***");
      this.#plain(line);
      return;
    }
    const space = line.indexOf(" ");
    const verb = (space < 0 ? line : line.slice(0, space)).toUpperCase();
    const argument = space < 0 ? "" : line.slice(space + 1);
    this.#world.log(verb === "PASS" || verb === "AUTH" || verb === "APOP" ? shown(verb, argument) : line);
    if (verb === "CAPA") this.#capa();
    else if (verb === "QUIT") this.#quit();
    else if (this.#drop === undefined) this.#authorization(verb, argument);
    else this.#transaction(this.#drop, verb, argument);
  }

  #authorization(verb: string, argument: string): void {
    switch (verb) {
      case "USER":
        this.#user = argument;
        this.#send("+OK\r\n");
        return;
      case "PASS":
        this.#login(this.#user, (password) => password === argument);
        return;
      case "APOP": {
        const [user = "", digest] = argument.split(" ");
        const { stamp } = this.#world;
        this.#login(
          user,
          (password) =>
            createHash("md5")
              .update(stamp + password)
              .digest("hex") === digest,
        );
        return;
      }
      case "AUTH": {
        const [mechanism = "", initial] = argument.split(" ");
        if (mechanism.toUpperCase() !== "PLAIN") this.#send("-ERR unknown mechanism\r\n");
        else if (initial !== undefined) this.#plain(initial);
        else {
          this.#awaitingPlain = true;
          this.#send("+ \r\n");
        }
        return;
      }
      case "STLS":
        this.#stls();
        return;
      default:
        this.#send("-ERR not in this state\r\n");
    }
  }

  #transaction(drop: Drop, verb: string, argument: string): void {
    const [first = "", second = ""] = argument.split(" ");
    switch (verb) {
      case "STAT": {
        const live = drop.messages.filter((_, index) => !drop.deleted.has(index + 1));
        this.#send(`+OK ${live.length} ${live.reduce((sum, { raw }) => sum + this.#size(raw), 0)}\r\n`);
        return;
      }
      case "LIST":
        this.#scan(drop, argument, (number, { raw }) => `${number} ${this.#size(raw)}`);
        return;
      case "UIDL":
        if (this.#world.faults.noUidl === true) this.#send("-ERR unknown command\r\n");
        else this.#scan(drop, argument, (number, { uidl }) => `${number} ${uidl}`);
        return;
      case "RETR":
        this.#retr(drop, first);
        return;
      case "TOP":
        if (this.#world.faults.noTop === true) this.#send("-ERR unknown command\r\n");
        else this.#with(drop, first, (message) => this.#send("+OK\r\n", stuff(top(message.raw, Number(second)))));
        return;
      case "DELE":
        this.#with(drop, first, (_message, number) => {
          drop.deleted.add(number);
          this.#send("+OK\r\n");
        });
        return;
      case "RSET":
        drop.deleted.clear();
        this.#send("+OK\r\n");
        return;
      case "NOOP":
        this.#send("+OK\r\n");
        return;
      default:
        this.#send("-ERR unknown command\r\n");
    }
  }

  #retr(drop: Drop, argument: string): void {
    this.#with(drop, argument, (message, number) => {
      const refusal = this.#world.faults.refuseRetrieve?.({ number, uidl: message.uidl });
      if (refusal !== undefined) this.#send(`-ERR ${refusal}\r\n`);
      else this.#send(`+OK ${this.#size(message.raw)} octets\r\n`, stuff(message.raw));
    });
  }

  #scan(drop: Drop, argument: string, line: (number: number, message: StoredMessage) => string): void {
    if (argument !== "") {
      this.#with(drop, argument, (message, number) => this.#send(`+OK ${line(number, message)}\r\n`));
      return;
    }
    let text = "+OK\r\n";
    for (const [index, message] of drop.messages.entries())
      if (!drop.deleted.has(index + 1)) text += `${line(index + 1, message)}\r\n`;
    this.#send(`${text}.\r\n`);
  }

  #with(drop: Drop, argument: string, then: (message: StoredMessage, number: number) => void): void {
    const number = /^\d+$/u.test(argument) ? Number(argument) : 0;
    const message = drop.messages[number - 1];
    if (message === undefined || drop.deleted.has(number)) this.#send("-ERR no such message\r\n");
    else then(message, number);
  }

  #capa(): void {
    const { faults } = this.#world;
    if (faults.noCapa === true) {
      this.#send("-ERR unknown command\r\n");
      return;
    }
    const all = this.#world.capabilities({ secured: this.#secured, loggedIn: this.#drop !== undefined });
    const missing = new Set([...(faults.noUidl === true ? ["UIDL"] : []), ...(faults.noTop === true ? ["TOP"] : [])]);
    const lines = all.filter((name) => !missing.has(name)).map((name) => `${name}\r\n`);
    this.#send(`+OK\r\n${lines.join("")}.\r\n`);
  }

  #plain(base64: string): void {
    const [, user = "", password = ""] = Buffer.from(base64, "base64").toString("utf8").split("\0");
    this.#login(user, (actual) => actual === password);
  }

  #login(user: string, proves: (password: string) => boolean): void {
    const { boxes, faults, clock, loginDelaySeconds } = this.#world;
    const account = boxes.get(user);
    if (faults.refuseLogin !== undefined) this.#send(`${faults.refuseLogin}\r\n`);
    else if (account === undefined || !proves(account.password)) this.#send("-ERR [AUTH] wrong user or password\r\n");
    else if (account.box.locked) this.#send("-ERR [IN-USE] another session holds this maildrop\r\n");
    else if (loginDelaySeconds !== undefined && clock.now() - (account.box.lastLoginAt ?? 0) < loginDelaySeconds * 1000)
      this.#send(`-ERR [LOGIN-DELAY] at most one login in ${loginDelaySeconds} seconds\r\n`);
    else {
      account.box.locked = true;
      account.box.lastLoginAt = clock.now();
      this.#drop = { box: account.box, messages: account.box.snapshot(faults.shuffle === true), deleted: new Set() };
      this.#send("+OK logged in\r\n");
    }
  }

  #stls(): void {
    const { secure } = this.#world;
    if (secure === undefined || this.#secured) {
      this.#send("-ERR no TLS here\r\n");
      return;
    }
    this.#send("+OK begin TLS\r\n");
    this.#socket.uncork();
    // What came before the handshake was not protected: RFC 2595 §4 wants it forgotten.
    this.#input = "";
    this.#socket.removeAllListeners("data");
    this.#socket = secure(this.#socket);
    this.#secured = true;
    this.#listen();
  }

  #quit(): void {
    const { faults } = this.#world;
    const drop = this.#drop;
    if (faults.dropAtQuit === true) {
      this.#hangUp("");
    } else if (drop !== undefined && faults.refuseQuit === true) {
      this.#hangUp("-ERR some deleted messages not removed\r\n");
    } else {
      if (drop !== undefined && faults.rollBackDeletions !== true)
        drop.box.remove(new Set([...drop.deleted].map((number) => drop.messages[number - 1]?.uidl ?? "")));
      this.#hangUp(faults.dropAfterQuit === true ? "" : "+OK bye\r\n");
    }
  }

  #size(raw: Buffer): number {
    return this.#world.faults.wrongSize?.(raw.length) ?? raw.length;
  }

  #send(text: string, body?: Buffer): void {
    if (this.#over) return;
    const limit = this.#world.faults.dropAfterOctets;
    for (const part of body === undefined ? [Buffer.from(text)] : [Buffer.from(text), body]) {
      const room = limit === undefined ? part.length : Math.max(0, limit - this.#sent);
      this.#sent += part.length;
      if (part.length >= room && limit !== undefined) {
        this.#hangUp(part.subarray(0, room));
        return;
      }
      this.#socket.write(part);
    }
  }

  /** Says one last thing and ends the connection. The maildrop is free at once, as at a provider that notices quickly. */
  #hangUp(last: string | Buffer): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    this.#socket.end(last);
  }

  #release(): void {
    if (this.#drop !== undefined) this.#drop.box.locked = false;
    this.#drop = undefined;
  }
}

function shown(verb: string, argument: string): string {
  const [first = ""] = argument.split(" ");
  return verb === "PASS" ? "PASS ***" : `${verb} ${first}${argument.includes(" ") ? " ***" : ""}`;
}
