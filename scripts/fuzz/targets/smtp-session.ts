/**
 * What an SMTP client sends in one connection, from its greeting on: the reader under the session, without a socket.
 *
 * Holds: replies are lines of ASCII with a code; what is answered, and which messages are taken from whom to whom, does
 * not depend on the packets; a message is taken only between MAIL, RCPT and its end, and its octets are those that were
 * sent (no octet behind an end is part of it, none before it is a command); nothing in it is a fault of ours.
 */
import { once } from "node:events";
import { mustAddress } from "../../../src/core/address.ts";
import type { MessageId } from "../../../src/core/ids.ts";
import type { Pass, Receiver, Verdict } from "../../../src/outbound/port.ts";
import { formatAnswer, formatLines } from "../../../src/outbound/smtp-answers.ts";
import { SmtpReader } from "../../../src/outbound/smtp-reader.ts";
import { SmtpSession, type Wire } from "../../../src/outbound/smtp-session.ts";
import { hold, packets, type Target } from "../target.ts";

const ok: Verdict = { kind: "ok" };
const no: Verdict = { kind: "no", answer: { code: 550, enhanced: "5.7.1", text: "No" }, close: false };

interface Outcome {
  readonly replies: string;
  readonly taken: readonly string[];
}

async function converse(chunks: readonly Buffer[]): Promise<Outcome> {
  let replies = "";
  const taken: string[] = [];
  const faults: string[] = [];
  const pass: Pass = {
    mayLogIn: () => true,
    logIn: async (user, password) => (user === password ? ok : no),
    mail: () => ok,
    recipient: (address) => (address.startsWith("no") ? no : ok),
    [Symbol.dispose]: () => undefined,
  };
  const receiver: Receiver = {
    pressure: () => ok,
    maxOctets: () => 500,
    receive: async (client, request, recipients, body) => {
      const octets: Buffer[] = [];
      for await (const chunk of body) octets.push(Buffer.from(chunk));
      const text = Buffer.concat(octets).toString("latin1");
      hold(text.length <= 500, "more than the limit was taken");
      taken.push(JSON.stringify([client.helo, request, recipients, text]));
      return {
        kind: "stored",
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an id of a message that is stored nowhere
        id: "000000000BCDFG" as MessageId,
        answer: { code: 250, enhanced: "2.0.0", text: "queued" },
      };
    },
  };
  const wire: Wire = {
    tls: undefined,
    canStartTls: true,
    get isWorking() {
      return reader.isWorking;
    },
    answer: (answer) => (replies += formatAnswer(answer)),
    lines: (code, lines) => (replies += formatLines(code, lines)),
    close: () => {
      reader.isClosed = true;
    },
    startTls: () => session.restart(),
    readText: (sink) => reader.readText(sink),
    readOctets: (octets, sink) => reader.readOctets(octets, sink),
  };
  const session = new SmtpSession(
    {
      hostname: "gate.firma.example",
      postmaster: mustAddress("post@firma.example"),
      receiver,
      events: { emit: ({ kind, ...rest }) => void faults.push(`${kind} ${JSON.stringify(rest)}`) },
      pass,
      address: "192.0.2.1",
      listener: "192.0.2.2:25",
      refused: () => undefined,
    },
    wire,
  );
  const reader = new SmtpReader({
    line: (line) => session.line(line),
    room: () => undefined,
    worked: () => undefined,
    end: () => undefined,
  });
  for (const chunk of chunks) reader.write(Buffer.from(chunk));
  reader.end();
  await once(reader, "finish");
  await session.lost();
  hold(faults.length === 0, "a fault of ours", faults);
  return { replies, taken };
}

async function run(input: Buffer): Promise<void> {
  const wire = input.subarray(1);
  const whole = await converse([wire]);
  const cut = await converse(packets(wire, input[0] ?? 0));
  hold(/^(?:[2-5]\d\d[ -][ -~]*\r\n)*$/u.test(whole.replies), "a reply that is no line", whole.replies);
  hold(whole.replies === cut.replies, "the replies depend on the packets", [whole.replies, cut.replies]);
  hold(JSON.stringify(whole.taken) === JSON.stringify(cut.taken), "what is taken depends on the packets", [whole, cut]);
  const stored = whole.replies.split("\r\n").filter((line) => line === "250 2.0.0 queued").length;
  hold(stored === whole.taken.length, "an answer without a message, or a message without its answer");
  const sent = wire.toString("latin1");
  const commands = /mail from|MAIL FROM/iu.test(sent) && /rcpt to/iu.test(sent) && /data|bdat/iu.test(sent);
  hold(commands || whole.taken.length === 0, "a message out of nothing");
}

const hello = "EHLO me.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n";

export const target: Target = {
  name: "smtp-session",
  maxOctets: 1500,
  dictionary: [
    "EHLO x\r\n",
    "MAIL FROM:<a@b>\r\n",
    "RCPT TO:<c@d>\r\n",
    "DATA\r\n",
    "BDAT 5\r\n",
    "BDAT 0 LAST\r\n",
    "RSET\r\n",
    "QUIT\r\n",
    "AUTH PLAIN AGEAYQ==\r\n",
    "AUTH LOGIN\r\n",
    "STARTTLS\r\n",
    "\r\n.\r\n",
    "\n.\r\n",
    "NOOP\r\n",
    "\r\n",
  ],
  seeds: [
    `\0${hello}DATA\r\nSubject: x\r\n\r\n..body\r\n.\r\nQUIT\r\n`,
    `\x01${hello}BDAT 5\r\nabcdeBDAT 3 LAST\r\nxyzNOOP\r\n`,
    `\x02EHLO x\r\nAUTH PLAIN AGEAYQ==\r\n${hello}DATA\r\nx\n.\r\nMAIL FROM:<e@f>\r\n\r\n.\r\n`,
    `\x03EHLO x\r\nAUTH LOGIN\r\nYQ==\r\nYQ==\r\nSTARTTLS\r\n${hello}RSET\r\nVRFY x\r\nHELP\r\nEXPN a\r\nGET / HTTP/1.1\r\n`,
    `\x04EHLO x\r\nMAIL FROM:<> SIZE=100 SMTPUTF8\r\nRCPT TO:<no@d.example>\r\nDATA\r\nBDAT 600 LAST\r\n`,
  ].map((text) => Buffer.from(text, "latin1")),
  work: { perOctet: 600, fixed: 10_000 },
  run,
};
