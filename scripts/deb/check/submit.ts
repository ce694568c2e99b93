// Hands one message to port 25 as Exchange does, and prints the reply to its final dot. Ends with 1 when it is refused.
import { connect } from "node:net";
import { createInterface } from "node:readline";

const socket = connect(25, "127.0.0.1");
socket.setTimeout(20_000, () => socket.destroy(new Error("no answer")));
const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
const reply = async (): Promise<string> => {
  for (;;) {
    const next = await lines.next();
    if (next.done === true) return "the connection was closed";
    if (next.value[3] !== "-") return next.value;
  }
};
await reply();
let last = "";
for (const [command, code] of [
  ["EHLO exchange.firma.example", "250"],
  ["MAIL FROM:<anna@firma.example>", "250"],
  ["RCPT TO:<kunde@else.example>", "250"],
  ["DATA", "354"],
  ["From: anna@firma.example\r\nTo: kunde@else.example\r\nSubject: out\r\n\r\nGood day\r\n.", "250"],
] as const) {
  socket.write(`${command}\r\n`);
  last = await reply();
  if (!last.startsWith(code)) {
    console.log(`${command}: ${last}`);
    process.exitCode = 1;
    break;
  }
}
console.log(last);
socket.end("QUIT\r\n");
