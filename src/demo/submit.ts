/** Hands one message to a server, as a sender's mail server would (RFC 5321 §3.3). For the demonstration's own mail only. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface Submission {
  /** Empty for the null reverse path. */
  readonly from: string;
  readonly rcpt: readonly string[];
  /** With CRLF line ends. */
  readonly raw: Buffer;
}

/** Resolves when the server has taken the message; throws when it refuses any part of it. */
export async function submit(port: number, { from, rcpt, raw }: Submission, signal: AbortSignal): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, signal });
  try {
    await once(socket, "connect", { signal });
    const replies = readReplies(socket);
    await expectReply(replies, "2");
    await say(socket, replies, "EHLO sender.example", "2");
    await say(socket, replies, `MAIL FROM:<${from}>`, "2");
    for (const address of rcpt) await say(socket, replies, `RCPT TO:<${address}>`, "2");
    await say(socket, replies, "DATA", "3");
    // Dot-stuffing (§4.5.2).
    const stuffed = Buffer.from(raw.toString("latin1").replace(/^\./gmu, ".."), "latin1");
    if (!socket.write(stuffed)) await once(socket, "drain", { signal });
    await say(socket, replies, raw.subarray(-2).toString("latin1") === "\r\n" ? "." : "\r\n.", "2");
    await say(socket, replies, "QUIT", "2");
  } finally {
    socket.destroy();
  }
}

async function say(
  socket: Socket,
  replies: AsyncGenerator<string, undefined>,
  line: string,
  good: string,
): Promise<void> {
  socket.write(`${line}\r\n`);
  await expectReply(replies, good);
}

async function expectReply(replies: AsyncGenerator<string, undefined>, good: string): Promise<void> {
  const next: IteratorResult<string, undefined> = await replies.next();
  if (next.done === true) throw new Error("the server has gone");
  if (!next.value.startsWith(good)) throw new Error(`the server refuses: ${next.value}`);
}

/** The last line of each reply. */
async function* readReplies(socket: Socket): AsyncGenerator<string, undefined> {
  let text = "";
  for await (const chunk of socket) {
    text += String(chunk);
    for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (/^\d{3}(?: |$)/u.test(line)) yield line;
    }
  }
  return undefined;
}
