/**
 * Scripted POP3 dialogues: what a server says and what the client must say, read from a text file and played over a
 * real socket. The file says what must come of it.
 *
 *     title: one sentence
 *     do: list; retr 1; dele 1; quit      what the client is asked to do once it is logged in (default: drain; quit)
 *     auth: user                          further settings: tls, timeout, known, secret, need-uidl, pipelining, utf8
 *     --
 *     S: +OK ready                        a line from the server; CRLF is added; \r \n \t \\ \xNN are understood
 *     s: ...                              the same without CRLF
 *     drip: ...                           the same without CRLF, octet by octet, each in a packet of its own
 *     C: CAPA                             the line the client must send now
 *     C~ AUTH .*                          a pattern that it must match
 *     tls                                 the server's side of the handshake
 *     silence                             nothing until the client hangs up
 *     close / reset                       the server ends the connection
 *     ---                                 from here on: the next connection
 *     expect:
 *     list 1:120:abc                      see outcome.ts; `error auth` also stands for any words behind it
 */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { certificates } from "../fakes/certificates.ts";

type Step =
  | { readonly kind: "send" | "drip"; readonly octets: Buffer }
  | { readonly kind: "expect"; readonly line: string }
  | { readonly kind: "match"; readonly pattern: RegExp }
  | { readonly kind: "tls" | "silence" | "close" | "reset" };

export interface Dialogue {
  readonly title: string;
  readonly settings: ReadonlyMap<string, string>;
  /** One list of steps for each connection. */
  readonly connections: readonly (readonly Step[])[];
  readonly expected: readonly string[];
}

export function parseDialogue(text: string): Dialogue {
  const settings = new Map<string, string>();
  const connections: Step[][] = [[]];
  const expected: string[] = [];
  let part: "settings" | "script" | "expected" = "settings";
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    if (line === "--") part = "script";
    else if (line === "expect:") part = "expected";
    else if (line === "---") connections.push([]);
    else if (part === "expected") expected.push(line);
    else if (part === "script") connections.at(-1)?.push(parseStep(line));
    else {
      const colon = line.indexOf(":");
      settings.set(line.slice(0, colon), line.slice(colon + 1).trim());
    }
  }
  return { title: settings.get("title") ?? "", settings, connections, expected };
}

function parseStep(line: string): Step {
  const [, word = "", rest = ""] = /^([A-Za-z]+[:~]?) ?(.*)$/u.exec(line) ?? [];
  switch (word) {
    case "S:":
      return { kind: "send", octets: unescape(`${rest}\\r\\n`) };
    case "s:":
      return { kind: "send", octets: unescape(rest) };
    case "drip:":
      return { kind: "drip", octets: unescape(rest) };
    case "C:":
      return { kind: "expect", line: rest };
    case "C~":
      return { kind: "match", pattern: new RegExp(`^${rest}$`, "u") };
    case "tls":
    case "silence":
    case "close":
    case "reset":
      return { kind: word };
    default:
      throw new Error(`not a step of a dialogue: ${line}`);
  }
}

function unescape(text: string): Buffer {
  const plain = text.replace(/\\(?:x([0-9a-f]{2})|(.))/giu, (_, hex: string | undefined, single: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return { r: "\r", n: "\n", t: "\t", "0": "\0" }[single] ?? single;
  });
  return Buffer.from(plain, "latin1");
}

export interface PlayedServer extends AsyncDisposable {
  readonly port: number;
  /** What went otherwise than written. */
  readonly complaints: readonly string[];
  /** Connections that were made. */
  readonly connections: number;
  /** Settles when every script has been played. */
  readonly done: Promise<unknown>;
}

/** Plays the server's part. */
export async function playServer(dialogue: Dialogue): Promise<PlayedServer> {
  const complaints: string[] = [];
  const sockets = new Set<Socket>();
  const played: Promise<void>[] = [];
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const steps = dialogue.connections[connections];
    connections += 1;
    if (steps === undefined) {
      complaints.push(`connection ${connections} was not foreseen`);
      socket.destroy();
    } else {
      played.push(play(socket, steps).catch((error: unknown) => void complaints.push(String(error))));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    complaints,
    get connections() {
      return connections;
    },
    get done() {
      return Promise.all(played);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function play(plain: Socket, steps: readonly Step[]): Promise<void> {
  let peer = new Peer(plain);
  for (const step of steps) {
    switch (step.kind) {
      case "send":
        peer.socket.write(step.octets);
        break;
      case "drip":
        for (const octet of step.octets) {
          peer.socket.write(Buffer.of(octet));
          await new Promise((resolve) => setImmediate(resolve));
        }
        break;
      case "expect":
      case "match": {
        const line = await peer.line();
        const good = step.kind === "expect" ? line === step.line : line !== undefined && step.pattern.test(line);
        if (!good) {
          peer.socket.destroy();
          const wanted = step.kind === "expect" ? step.line : String(step.pattern);
          throw new Error(`the client said ${JSON.stringify(line)} where ${JSON.stringify(wanted)} was due`);
        }
        break;
      }
      case "tls":
        peer = await peer.secure();
        break;
      case "silence": {
        const line = await peer.line();
        if (line !== undefined) throw new Error(`the client said ${JSON.stringify(line)} into the silence`);
        break;
      }
      case "close":
        peer.socket.end();
        break;
      case "reset":
        plain.resetAndDestroy();
        break;
    }
  }
  peer.socket.end();
}

/** The client as the server sees it: lines, one by one. */
class Peer {
  readonly socket: Socket;
  #input = "";
  #over = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    const over = () => {
      this.#over = true;
      this.#wake?.();
    };
    socket.on("data", (chunk: Buffer) => {
      this.#input += chunk.toString("latin1");
      this.#wake?.();
    });
    socket.on("end", over).on("close", over).on("error", over);
  }

  /** The next line; `undefined` when the client has hung up. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#input.indexOf("\n");
      if (end >= 0) {
        const line = this.#input.slice(0, end).replace(/\r$/u, "");
        this.#input = this.#input.slice(end + 1);
        return line;
      }
      if (this.#over) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async secure(): Promise<Peer> {
    this.socket.removeAllListeners("data");
    const { key, cert } = certificates().server;
    const secured = new TLSSocket(this.socket, { isServer: true, secureContext: createSecureContext({ key, cert }) });
    const peer = new Peer(secured);
    await Promise.race([once(secured, "secure"), once(secured, "close")]);
    return peer;
  }
}
