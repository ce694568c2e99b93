/**
 * Hands one message to the listener, and says how sure it is that it was taken: `acknowledged` by the 250 after the final
 * dot; `not-taken` when that dot was not sent, or was refused for now; `doubtful` when the dot was sent and no reply came.
 * With an authority to trust it goes over STARTTLS, and never without.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as secure } from "node:tls";
import type { NumberedMail } from "./mail.ts";

export type HandOver =
  | { readonly kind: "acknowledged" }
  | { readonly kind: "not-taken"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "doubtful" };

export async function handOver(
  port: number,
  mail: NumberedMail,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<HandOver> {
  const line = new Line(connect({ port, host: "127.0.0.1", noDelay: true }));
  const cancel = (): void => line.cut();
  signal.addEventListener("abort", cancel);
  let isDotSent = false;
  try {
    const hello = "EHLO exchange.firma.example\r\n";
    const raw = mail.copies[0] ?? Buffer.alloc(0);
    const stuffed = raw.toString("latin1").replaceAll(/^\./gmu, "..");
    const steps = [
      "",
      hello,
      ...(ca === undefined ? [] : ["STARTTLS\r\n", hello]),
      `MAIL FROM:<${mail.from}>\r\n`,
      ...mail.recipients.map((address) => `RCPT TO:<${address}>${wishOf(mail, address)}\r\n`),
      "DATA\r\n",
      `${stuffed}.\r\n`,
    ];
    for (const [at, step] of steps.entries()) {
      isDotSent = at === steps.length - 1;
      const reply = await line.say(step);
      if (reply === undefined)
        return isDotSent ? { kind: "doubtful" } : { kind: "not-taken", why: "the connection has gone" };
      if (reply.startsWith("5")) return { kind: "refused", why: reply };
      if (reply.startsWith("4")) return { kind: "not-taken", why: reply };
      if (step === "STARTTLS\r\n" && ca !== undefined && !(await line.secure(ca)))
        return { kind: "not-taken", why: "no TLS" };
    }
    line.write("QUIT\r\n");
    return { kind: "acknowledged" };
  } finally {
    signal.removeEventListener("abort", cancel);
    line.end();
  }
}

function wishOf({ wishes }: NumberedMail, address: string): string {
  const wish = wishes.get(address);
  return wish === undefined ? "" : ` NOTIFY=${wish}`;
}

/** One connection: what is said, and the last line of each reply. */
class Line {
  #socket: Socket;
  #text = "";
  #isOver = false;
  #look: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  #listen(): void {
    const socket = this.#socket;
    const over = (): void => {
      if (socket !== this.#socket) return;
      this.#isOver = true;
      this.#look?.();
    };
    socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      this.#look?.();
    });
    socket.on("error", () => socket.destroy());
    socket.on("end", over);
    socket.on("close", over);
  }

  /** The reply; `undefined` when the connection has gone without. */
  async say(text: string): Promise<string | undefined> {
    if (text !== "") this.write(text);
    for (;;) {
      const found = /^(?:\d{3}-.*\r\n)*(\d{3}(?: .*)?)\r\n/u.exec(this.#text);
      if (found !== null) {
        this.#text = this.#text.slice(found[0].length);
        return found[1];
      }
      if (this.#isOver) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#look = resolve;
      await promise;
    }
  }

  async secure(ca: string): Promise<boolean> {
    const plain = this.#socket;
    plain.removeAllListeners("data");
    plain.removeAllListeners("end");
    plain.removeAllListeners("close");
    const secured = secure({ socket: plain, ca, servername: "localhost" });
    this.#socket = secured;
    this.#listen();
    const { promise, resolve } = Promise.withResolvers<false>();
    secured.once("close", () => resolve(false));
    return Promise.race([
      once(secured, "secureConnect").then(
        () => true,
        () => false,
      ),
      promise,
    ]);
  }

  write(text: string): void {
    this.#socket.write(text, "latin1");
  }

  end(): void {
    this.#socket.end();
  }

  cut(): void {
    this.#socket.destroy();
  }
}
