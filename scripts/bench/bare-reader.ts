/**
 * What the server and the line can give: logs in by POP3 over TLS, asks for all messages at once, throws them away,
 * deletes them and leaves. It keeps nothing and knows nothing; no collector can be faster than this.
 *
 * Arguments: port, user, password, CA file.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:tls";

const [port = "", user = "", password = "", caFile = ""] = process.argv.slice(2);
const socket = connect({ host: "localhost", port: Number(port), ca: readFileSync(caFile) });
socket.setNoDelay(true);
let pending = "";
let counting: { left: number; tail: Buffer; readonly done: () => void } | undefined;
let waiting: { left: number; readonly done: (text: string) => void } | undefined;
const endOfMessage = Buffer.from("\r\n.\r\n");

socket.on("data", (chunk: Buffer) => {
  if (counting !== undefined) count(chunk);
  else {
    pending += chunk.toString("latin1");
    lines();
  }
});
socket.on("end", () => socket.end());
socket.on("error", (error) => {
  throw error;
});

/** Messages end where a lone dot stands; no line within one begins with a dot that is not doubled. */
function count(chunk: Buffer): void {
  if (counting === undefined) return;
  const data = counting.tail.length === 0 ? chunk : Buffer.concat([counting.tail, chunk]);
  let from = 0;
  for (let at = data.indexOf(endOfMessage); at >= 0; at = data.indexOf(endOfMessage, from)) {
    counting.left--;
    from = at + endOfMessage.length;
  }
  counting.tail = Buffer.from(data.subarray(Math.max(from, data.length - endOfMessage.length + 1)));
  if (counting.left === 0) counting.done();
}

function lines(): void {
  if (waiting === undefined) return;
  const parts = pending.split("\r\n");
  if (parts.length - 1 < waiting.left) return;
  const text = pending;
  pending = "";
  waiting.done(text);
}

async function replies(number: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  waiting = { left: number, done: resolve };
  lines();
  const text = await promise;
  waiting = undefined;
  if (text.includes("-ERR")) throw new Error(text);
  return text;
}

const all = (verb: string, messages: number): string =>
  Array.from({ length: messages }, (_, index) => `${verb} ${index + 1}\r\n`).join("");

await replies(1);
socket.write(`USER ${user}\r\nPASS ${password}\r\nSTAT\r\n`);
const stat = (await replies(3)).split("\r\n")[2] ?? "";
const messages = Number(stat.split(" ")[1]);
if (messages > 0) {
  const { promise, resolve } = Promise.withResolvers<void>();
  counting = { left: messages, tail: Buffer.alloc(0), done: resolve };
  socket.write(all("RETR", messages));
  await promise;
  counting = undefined;
  socket.write(all("DELE", messages));
  await replies(messages);
}
socket.write("QUIT\r\n");
await replies(1);
socket.end();
await once(socket, "close");
