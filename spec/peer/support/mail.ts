/** Mail for the peers: composed here, sent with nodemailer over one real SMTP conversation each or a pool of them. */
import { createTransport, type SendMailOptions } from "nodemailer";

export interface TestMail {
  /** Stands in `X-Test-Id`, by which a message is known again wherever it turns up. */
  readonly id: string;
  readonly from: string;
  readonly rcpt: readonly string[];
  /** Header lines, without the id. */
  readonly header: readonly string[];
  readonly body?: string;
  /** Wishes for reports (RFC 3461), the same for all recipients. */
  readonly dsn?: { readonly envid: string; readonly ret: "FULL" | "HDRS"; readonly notify: readonly DsnNotify[] };
}

type DsnNotify = "never" | "success" | "failure" | "delay";

/** The message as it is handed over, with CRLF line ends. */
export function compose(mail: TestMail): string {
  return [`X-Test-Id: ${mail.id}`, ...mail.header, "", mail.body ?? `This is ${mail.id}.`, ""].join("\r\n");
}

/** Hands every message to the server, on `connections` connections. Rejects if the server refuses any. */
export async function sendAll(port: number, mails: readonly TestMail[], connections = 1): Promise<void> {
  const transport = createTransport({
    host: "127.0.0.1",
    port,
    pool: true,
    maxConnections: connections,
    maxMessages: 1000,
    ignoreTLS: true,
  });
  try {
    const queue = [...mails];
    await Promise.all(
      Array.from({ length: connections }, async () => {
        for (let mail = queue.shift(); mail !== undefined; mail = queue.shift()) {
          const envelope = { from: mail.from, to: [...mail.rcpt], use8BitMime: true };
          await transport.sendMail({ envelope, raw: compose(mail), ...wishes(mail) });
        }
      }),
    );
  } finally {
    transport.close();
  }
}

function wishes({ dsn, rcpt }: TestMail): Pick<SendMailOptions, "dsn"> {
  if (dsn === undefined) return {};
  const ret = dsn.ret === "HDRS" ? "headers" : "full";
  const [recipient = ""] = rcpt;
  return { dsn: { id: dsn.envid, return: ret, notify: [...dsn.notify], recipient: `rfc822;${recipient}` } };
}

/** The id of a stored message. */
export function testId(raw: Buffer): string {
  return /^X-Test-Id: (.+?)\r?$/mu.exec(raw.toString("latin1"))?.[1] ?? "";
}

/** The header block as text, without the lines that the target put on top (up to and with its own Received field). */
export function headerBelow(raw: Buffer, targetHost: string): string {
  const header = raw.toString("latin1").replaceAll("\r\n", "\n").split("\n\n")[0] ?? "";
  const unfolded = header.replaceAll(/\n[ \t]+/gu, " ").split("\n");
  const own = unfolded.findIndex((line) => line.startsWith("Received:") && line.includes(`by ${targetHost}`));
  if (own < 0) throw new Error(`no Received field of ${targetHost} in:\n${header}`);
  return unfolded.slice(own + 1).join("\n");
}
