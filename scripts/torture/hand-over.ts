/**
 * Hands one message to the listener, and says how sure it is that it was taken: `acknowledged` by the 250 after the final
 * dot; `not-taken` when that dot was not sent, or was refused for now; `doubtful` when the dot was sent and no reply came.
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

export type HandOver =
  | { readonly kind: "acknowledged" }
  | { readonly kind: "not-taken"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "doubtful" };

export async function handOver(
  port: number,
  mail: { readonly from: string; readonly recipients: readonly string[]; readonly raw: Buffer },
  signal: AbortSignal,
): Promise<HandOver> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const cancel = (): void => void socket.destroy();
  signal.addEventListener("abort", cancel);
  socket.on("error", () => socket.destroy());
  const replies = finalLines(socket);
  let isDotSent = false;
  try {
    const stuffed = mail.raw.toString("latin1").replaceAll(/^\./gmu, "..");
    const steps = [
      undefined,
      "EHLO exchange.firma.example\r\n",
      `MAIL FROM:<${mail.from}>\r\n`,
      ...mail.recipients.map((address) => `RCPT TO:<${address}>\r\n`),
      "DATA\r\n",
      Buffer.from(`${stuffed}.\r\n`, "latin1"),
    ];
    for (const [at, step] of steps.entries()) {
      if (step !== undefined) socket.write(step);
      isDotSent = at === steps.length - 1;
      const { value, done } = await replies.next();
      if (done === true)
        return isDotSent ? { kind: "doubtful" } : { kind: "not-taken", why: "the connection has gone" };
      if (value.startsWith("5")) return { kind: "refused", why: value };
      if (value.startsWith("4")) return { kind: "not-taken", why: value };
    }
    socket.write("QUIT\r\n");
    return { kind: "acknowledged" };
  } finally {
    signal.removeEventListener("abort", cancel);
    socket.end();
  }
}

/** The last line of each reply, until the connection ends. */
async function* finalLines(socket: Socket): AsyncGenerator<string, undefined> {
  for await (const line of createInterface({ input: socket })) if (/^\d{3}(?: |$)/u.test(line)) yield line;
  return undefined;
}
