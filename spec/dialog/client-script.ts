/**
 * Scripted dialogues of an SMTP client: what a client says and what a server must answer, read from a text file and
 * played over a real socket. The counterpart of `dialogue.ts`, which plays the server.
 *
 *     title: one sentence
 *     source: where it is documented
 *     from: login                         further settings: `login` (not of an allowed network), `max-recipients`
 *     --
 *     C: MAIL FROM:<a@firma.example>      a line of the client; lines that follow each other go out in one write
 *     c: AUTH                             the same without CRLF
 *     C*500: RCPT TO:<user#@x.example>    so many lines; # is the number, from 1
 *     S: 250 2.1.0                        the next reply must begin like this
 *     S*500: 250 2.1.5                    so many replies
 *     offers: SIZE DSN                    keywords that the EHLO reply must have, and `lacks:` those that it must not
 *     tls                                 the client's side of the handshake
 *     data:                               the lines up to `.` go out as after 354, dots stuffed, with the final dot
 *     bdat: 20 * 0                        the lines up to `.` go out in BDAT chunks (RFC 3030) of so many octets each; `*`:
 *                                         all that is left; the last chunk carries LAST; each one waits for its 250
 *     bdat-open: 20                       the same without LAST: the message is not complete
 *     close                               the client goes
 *     expect:
 *     stored 1 …                          see exchange.spec.ts
 *
 * In every line \xNN is an octet, \n a bare line feed, and {text*N} the text N times.
 */
import { LineClient } from "../demo/line-client.ts";

type Step =
  | { readonly kind: "say"; readonly octets: Buffer }
  | { readonly kind: "hear"; readonly replies: number; readonly begin: string }
  | { readonly kind: "offers" | "lacks"; readonly keywords: readonly string[] }
  | { readonly kind: "data"; readonly message: Buffer }
  | { readonly kind: "bdat"; readonly message: Buffer; readonly chunks: readonly string[]; readonly last: boolean }
  | { readonly kind: "tls" | "close" };

export interface ClientScript {
  readonly title: string;
  readonly source: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
  readonly expected: readonly string[];
  /** Texts that the client sends, in their order. */
  readonly messages: readonly Buffer[];
}

/** Reads a dialogue. Throws on a line that it does not understand. */
export function parseClientScript(text: string): ClientScript {
  const [head = "", rest = ""] = text.split(/^--\n/mu, 2);
  const [script = "", expectation = ""] = rest.split(/^expect:\n/mu, 2);
  const settings = new Map<string, string>();
  for (const line of linesOf(head)) {
    const colon = line.indexOf(":");
    settings.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const steps = parseSteps(script.split("\n"));
  return {
    title: settings.get("title") ?? "",
    source: settings.get("source") ?? "",
    settings,
    steps,
    expected: linesOf(expectation).map((line) => octetsOf(line).toString("latin1")),
    messages: steps.flatMap((step) => (step.kind === "data" || step.kind === "bdat" ? [step.message] : [])),
  };
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

function parseSteps(lines: readonly string[]): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, word = "", count, rest = ""] = /^([A-Za-z-]+)(?:\*(\d+))?:? ?(.*)$/u.exec(line) ?? [];
    const text = takesText.has(word) ? lines.slice(at + 1, lines.indexOf(".", at)) : [];
    if (takesText.has(word)) at += text.length + 1;
    steps.push(parseStep({ word, times: Number(count ?? 1), rest, text, line }));
  }
  return steps;
}

const takesText: ReadonlySet<string> = new Set(["data", "bdat", "bdat-open"]);

interface Written {
  readonly word: string;
  readonly times: number;
  readonly rest: string;
  readonly text: readonly string[];
  readonly line: string;
}

function parseStep({ word, times, rest, text, line }: Written): Step {
  const message = Buffer.concat(text.map((each) => octetsOf(`${each}\\r\\n`)));
  switch (word) {
    case "C":
      return { kind: "say", octets: Buffer.concat(numbered(rest, times).map((each) => octetsOf(`${each}\\r\\n`))) };
    case "c":
      return { kind: "say", octets: octetsOf(rest) };
    case "S":
      return { kind: "hear", replies: times, begin: rest };
    case "offers":
    case "lacks":
      return { kind: word, keywords: rest.split(" ") };
    case "data":
      return { kind: "data", message };
    case "bdat":
    case "bdat-open":
      return { kind: "bdat", message, chunks: rest.split(" "), last: word === "bdat" };
    case "tls":
    case "close":
      return { kind: word };
    default:
      throw new Error(`not a step of a client's dialogue: ${line}`);
  }
}

function numbered(text: string, times: number): string[] {
  return times === 1 ? [text] : Array.from({ length: times }, (_, index) => text.replaceAll("#", String(index + 1)));
}

function octetsOf(text: string): Buffer {
  const long = text.replaceAll(/\{([^{}*]+)\*(\d+)\}/gu, (_, piece: string, times: string) =>
    piece.repeat(Number(times)),
  );
  const plain = long.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/giu, (_, hex: string | undefined, single: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return { r: "\r", n: "\n", t: "\t" }[single] ?? single;
  });
  return Buffer.from(plain, "latin1");
}

/** Plays the client. Resolves when the script has been played; throws at the first reply that is not as written. */
export async function playClient(port: number, script: ClientScript): Promise<void> {
  using client = await LineClient.open(port);
  let heard: readonly string[] = [];
  const hear = async (begin: string): Promise<void> => {
    heard = await client.lines();
    const last = heard.at(-1) ?? "";
    if (!last.startsWith(begin)) throw new Error(`the server said ${JSON.stringify(heard)} where "${begin}" was due`);
  };
  for (const step of joined(script.steps)) {
    switch (step.kind) {
      case "say":
        client.write(step.octets);
        break;
      case "hear":
        for (let count = 0; count < step.replies; count++) await hear(step.begin);
        break;
      case "offers":
      case "lacks":
        checkOffers(step, heard);
        break;
      case "data":
        client.write(stuffed(step.message));
        break;
      case "bdat":
        for (const chunk of chunksOf(step)) {
          client.write(chunk);
          await hear("250");
        }
        break;
      case "tls":
        await client.startTls();
        break;
      case "close":
        return;
    }
  }
}

/** What a client says without waiting goes out in one write, as it is pipelined (RFC 2920 §3.1). */
function joined(steps: readonly Step[]): Step[] {
  const all: Step[] = [];
  for (const step of steps) {
    const before = all.at(-1);
    if (step.kind === "say" && before?.kind === "say")
      all.splice(-1, 1, { kind: "say", octets: Buffer.concat([before.octets, step.octets]) });
    else all.push(step);
  }
  return all;
}

function checkOffers({ kind, keywords }: Extract<Step, { kind: "offers" | "lacks" }>, heard: readonly string[]): void {
  const offered = new Set(heard.map((line) => line.slice(4).split(" ")[0]?.toUpperCase() ?? ""));
  for (const keyword of keywords) {
    if (offered.has(keyword) !== (kind === "offers"))
      throw new Error(`${keyword} is ${offered.has(keyword) ? "" : "not "}offered: ${heard.join(" | ")}`);
  }
}

/** RFC 5321 §4.5.2. */
function stuffed(message: Buffer): Buffer {
  return Buffer.from(`${message.toString("latin1").replaceAll(/^\./gmu, "..")}.\r\n`, "latin1");
}

function chunksOf({ message, chunks, last }: Extract<Step, { kind: "bdat" }>): Buffer[] {
  let at = 0;
  return chunks.map((size, index) => {
    const octets = size === "*" ? message.length - at : Number(size);
    const piece = message.subarray(at, at + octets);
    if (piece.length !== octets) throw new Error(`the message has no ${octets} octets left at ${at}`);
    at += octets;
    const end = last && index === chunks.length - 1 ? " LAST" : "";
    return Buffer.concat([Buffer.from(`BDAT ${octets}${end}\r\n`), piece]);
  });
}
