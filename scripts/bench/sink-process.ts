/**
 * The target of all programs: a small, fast SMTP and LMTP server in a process of its own, that takes everything, keeps
 * nothing, and counts how often it has had which message. It stands for Exchange, and for the provider's relay.
 *
 * Speaks with its parent by messages: `report` is answered by what it has had since the last `reset`.
 */
import { createServer, type Socket } from "node:net";
import { idField } from "./mail-set.ts";
import type { SinkReport } from "./sink.ts";

const counts = new Map<string, number>();
const total = { messages: 0, octets: 0, unnamed: 0, connections: 0, lastAt: 0 };
let cpuBegin = process.cpuUsage();
const endOfData = Buffer.from("\r\n.\r\n");
const named = Buffer.from(`\r\n${idField}: `);
const nothing = Buffer.alloc(0);

class Conversation {
  readonly #socket: Socket;
  readonly #isLmtp: boolean;
  #rest: Buffer = nothing;
  #inData = false;
  #recipients = 0;
  #octets = 0;
  #head: Buffer = nothing;
  #id: string | undefined;

  constructor(socket: Socket, isLmtp: boolean) {
    this.#socket = socket;
    this.#isLmtp = isLmtp;
    socket.write("220 sink.example ready\r\n");
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.end());
  }

  #take(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = nothing;
    let replies = "";
    while (data.length > 0) {
      if (this.#inData) {
        const end = data.indexOf(endOfData);
        if (end < 0) {
          // The end may be cut in two.
          const kept = Math.min(data.length, endOfData.length - 1);
          this.#content(data.subarray(0, data.length - kept));
          this.#rest = data.subarray(data.length - kept);
          break;
        }
        this.#content(data.subarray(0, end + 2));
        data = data.subarray(end + endOfData.length);
        replies += this.#accepted();
        continue;
      }
      const newline = data.indexOf(10);
      if (newline < 0) {
        this.#rest = data;
        break;
      }
      replies += this.#answer(data.toString("latin1", 0, newline).trimEnd());
      data = data.subarray(newline + 1);
    }
    if (replies !== "") this.#socket.write(replies);
  }

  #answer(line: string): string {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "EHLO" || verb === "LHLO")
      return "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 250000000\r\n";
    if (verb === "MAIL") this.#recipients = 0;
    if (verb === "RCPT") this.#recipients++;
    if (verb === "DATA") {
      this.#inData = true;
      this.#octets = 0;
      this.#id = undefined;
      this.#head = Buffer.from("\r\n");
      // What follows the line may be the final dot already, of a message without a line.
      return "354 go on\r\n";
    }
    if (verb === "QUIT") {
      this.#socket.end("221 2.0.0 bye\r\n");
      return "";
    }
    return "250 2.0.0 ok\r\n";
  }

  #content(data: Buffer): void {
    this.#octets += data.length;
    if (this.#id !== undefined || this.#head.length > 65_536) return;
    this.#head = Buffer.concat([this.#head, data]);
    const at = this.#head.indexOf(named);
    if (at < 0) return;
    const end = this.#head.indexOf("\r\n", at + named.length, "latin1");
    if (end >= 0) this.#id = this.#head.toString("latin1", at + named.length, end);
  }

  #accepted(): string {
    this.#inData = false;
    this.#head = nothing;
    total.messages++;
    total.octets += this.#octets;
    total.lastAt = Date.now();
    if (this.#id === undefined) total.unnamed++;
    else counts.set(this.#id, (counts.get(this.#id) ?? 0) + 1);
    return "250 2.0.0 taken\r\n".repeat(this.#isLmtp ? this.#recipients : 1);
  }
}

function listen(isLmtp: boolean): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer({ noDelay: true }, (socket) => {
    total.connections++;
    // oxlint-disable-next-line no-new -- it lives by its socket's events
    new Conversation(socket, isLmtp);
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    resolve(address === null || typeof address === "string" ? 0 : address.port);
  });
  return promise;
}

process.on("message", (request) => {
  if (request === "reset") {
    counts.clear();
    Object.assign(total, { messages: 0, octets: 0, unnamed: 0, connections: 0, lastAt: 0 });
    cpuBegin = process.cpuUsage();
  }
  const { user, system } = process.cpuUsage(cpuBegin);
  const doubled = [...counts.values()].filter((count) => count > 1).length;
  const report: SinkReport = { ...total, distinct: counts.size, doubled, cpuSeconds: (user + system) / 1e6 };
  process.send?.(report);
});
process.on("disconnect", () => process.exit(0));
process.send?.({ smtp: await listen(false), lmtp: await listen(true) });
