/**
 * What a POP3 server sends: replies matched to commands, messages cut out of the stream, listings and capabilities.
 *
 * Holds: nothing but a `Pop3Error` ends a session, and only once; what was read does not depend on how it was cut into
 * packets; a sink is ended or failed, never both, and takes no more than was sent; words for people have no control
 * characters; listings name numbers and sizes that can be.
 */
import { parseCapabilities } from "../../../src/pop3/capabilities.ts";
import { makeListing, parseStat } from "../../../src/pop3/listing.ts";
import { Pop3Error } from "../../../src/pop3/port.ts";
import { type Pending, ReplyReader } from "../../../src/pop3/reply-reader.ts";
import { apopStamp, parseReply, refusalKind, replyWords, retryAfter, type Pop3Reply } from "../../../src/pop3/reply.ts";
import { hold, packets, type Target } from "../target.ts";

/** Everything that a session told, in order. */
type Told = string[];

const controls = /[\p{Cc}\p{Zl}\p{Zp}]/u;

function session(commands: number, wire: readonly Buffer[], standstill: boolean): Told {
  const told: Told = [];
  const outstanding: Pending[] = [];
  const contents = new Map<number, { octets: Buffer[]; state: "open" | "ended" | "failed" }>();
  for (let command = 0; command < 6; command++) {
    const kind = (commands >> (command * 2)) & 3;
    const settle = Promise.withResolvers<Pop3Reply>();
    settle.resolve = (reply): void => {
      // oxlint-disable-next-line promise/prefer-await-to-then -- no promise is ever given
      if (!(reply instanceof Promise) && "status" in reply) told.push(`${command}: ${reply.status} ${reply.raw}`);
    };
    const content = { octets: [] as Buffer[], state: "open" as "open" | "ended" | "failed" };
    contents.set(command, content);
    const sink = {
      write: (slice: Buffer): void => {
        hold(content.state === "open", "a reply goes on after its end");
        hold(slice.length > 0, "an empty slice");
        content.octets.push(Buffer.from(slice));
      },
      end: (): void => {
        hold(content.state === "open", "a reply ends twice");
        content.state = "ended";
      },
      fail: (error: Pop3Error): void => {
        hold(error instanceof Pop3Error, "another error than Pop3Error");
        hold(content.state === "open", "a reply fails after its end");
        content.state = "failed";
      },
    };
    outstanding.push({
      line: `COMMAND ${command}`,
      patienceMs: 1000,
      settle,
      ...(kind === 1 ? { sasl: true } : {}),
      ...(kind >= 2 ? { sink, maxOctets: kind === 2 ? 200 : 20 } : {}),
      ...(kind === 3 ? { announced: (reply: Pop3Reply) => parseStat(reply.text) } : {}),
    });
  }
  let failed = 0;
  const reader = new ReplyReader(outstanding, 512, {
    fail: (error) => {
      failed += 1;
      told.push("fail");
      hold(!controls.test(error.reply ?? ""), "control characters in words for people");
      reader.fail(error);
    },
    confirm: () => told.push("confirm"),
    progress: (octets) => hold(octets > 0, "progress backwards"),
  });
  for (const packet of wire) if (failed === 0) reader.take(packet);
  if (failed === 0 && standstill) told.push(`standstill ${String(reader.standstill())}`);
  hold(failed <= 1, "a session fails twice");
  for (const [command, { octets, state }] of contents)
    if (octets.length > 0 || state !== "open")
      told.push(`content ${command}: ${state} ${state === "failed" ? "" : Buffer.concat(octets).toString("latin1")}`);
  return told;
}

/**
 * Where a session fails, a message that was whole before the octets that end it can have been given out already, or not:
 * that depends on the packets. Everything else must not.
 */
function sameOutcome(whole: Told, cut: Told): boolean {
  const failed = whole.some((line) => line.startsWith("fail"));
  const common = (told: Told): Told => (failed ? told.filter((line) => !/^(?:content|confirm)/u.test(line)) : told);
  if (JSON.stringify(common(whole)) !== JSON.stringify(common(cut))) return false;
  const ended = (told: Told): Told => told.filter((line) => /^content \d: ended/u.test(line));
  return ended(whole).every((line) => cut.includes(line));
}

function checkReply(line: Buffer): void {
  const reply = parseReply(line);
  if (reply === undefined) return;
  const words = replyWords(reply);
  hold(!controls.test(reply.text) && !controls.test(words), "control characters in words for people", words);
  hold(reply.text.length <= 501, "long words for people");
  refusalKind(reply, "login");
  const after = retryAfter(reply);
  hold(after === undefined || (Number.isSafeInteger(after) && after >= 0), "a wait that cannot be", after);
  const stamp = apopStamp(reply);
  hold(stamp === undefined || /^<[^\s<>]+@[^\s<>]+>$/u.test(stamp), "a stamp that is no msg-id", stamp);
}

function checkListing(lines: readonly string[]): void {
  const half = lines.length >> 1;
  for (const [scan, ids] of [
    [lines.slice(0, half), lines.slice(half)],
    [lines, undefined],
    [undefined, lines],
  ] as const) {
    const { messages } = makeListing(scan, ids);
    let before = 0;
    for (const { number, size, uidl } of messages) {
      hold(Number.isSafeInteger(number) && number > before, "numbers out of order", number);
      hold(size === undefined || (Number.isSafeInteger(size) && size >= 0), "a size that cannot be", size);
      hold(uidl === undefined || (uidl.length > 0 && !controls.test(uidl)), "an id that cannot be", uidl);
      before = number;
    }
  }
  const { implementation, loginDelaySeconds, sasl } = parseCapabilities(lines);
  hold(implementation === undefined || !controls.test(implementation), "control characters in words for people");
  hold(loginDelaySeconds === undefined || Number.isSafeInteger(loginDelaySeconds), "a delay that cannot be");
  hold(
    sasl.every((name) => name !== ""),
    "a mechanism without a name",
  );
}

function run(input: Buffer): void {
  const commands = input.length < 2 ? 0 : input.readUInt16LE(0);
  // A line that has not ended says nothing yet.
  const wire = Buffer.concat([input.subarray(2), Buffer.from("\r\n")]);
  const whole = session(commands, [Buffer.from(wire)], true);
  const cut = session(commands, packets(wire, commands), true);
  hold(sameOutcome(whole, cut), "what was read depends on the packets", { whole, cut });
  const text = wire.toString("utf8").split(/\r?\n/u);
  checkReply(wire);
  for (const line of text.slice(0, 20)) checkReply(Buffer.from(line));
  checkListing(text);
}

const wire = (commands: number, text: string): Buffer =>
  Buffer.concat([Buffer.of(commands & 255, commands >> 8), Buffer.from(text, "latin1")]);

export const target: Target = {
  name: "pop3-reply",
  maxOctets: 1500,
  dictionary: [
    "\r\n.\r\n",
    "\n.\n",
    "\r\n..",
    "+OK ",
    "-ERR ",
    "+ ",
    "[IN-USE] ",
    "[SYS/TEMP]",
    "<1.2@h>",
    "9 octets\r\n",
  ],
  seeds: [
    wire(0, "+OK <1.2@pop.example>\r\n-ERR [IN-USE] busy, wait 5 minutes\r\n"),
    wire(0b1010, "+OK\r\n1 a\r\n2 b\r\n.\r\n+OK\r\n1 100\r\n2 200\r\n.\r\n+OK bye\r\n"),
    wire(0b111111, "+OK 9 octets\r\nA: b\r\n\r\n..x\r\n.\r\n+OK 3 octets\r\na\nb\n.\r\n+OK\r\n"),
    wire(0b01, "+ PDEuMkBob3N0Pg==\r\n+OK\r\n"),
    wire(
      2,
      "+OK\r\nTOP\r\nUIDL\r\nSASL PLAIN CRAM-MD5\r\nLOGIN-DELAY 120 USER\r\nEXPIRE NEVER\r\nIMPLEMENTATION x\r\n.\r\n",
    ),
  ],
  work: { perOctet: 400, fixed: 4000 },
  run,
};
