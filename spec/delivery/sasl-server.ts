/** A raw SMTP server that wants a login, with the server's side of SCRAM (RFC 5802) and OAUTHBEARER (RFC 7628). */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { usual, type Answer } from "./raw-server.ts";

/** One exchange: yields challenges, is given answers, ends with the reply. All of them decoded. */
export type Exchange = (initial: string) => Generator<string, string, string>;

const welcome = "235 2.7.0 welcome";

/** Takes mail of whoever has logged in by one of these mechanisms. One connection at a time. */
export function saslServer(exchanges: Readonly<Record<string, Exchange>>): Answer {
  let exchange: Generator<string, string, string> | undefined;
  let isIn = false;
  let isBody = false;
  const step = ({ value, done = false }: IteratorResult<string, string>): string => {
    if (!done) return `334 ${Buffer.from(value).toString("base64")}\r\n`;
    exchange = undefined;
    isIn = value.startsWith("235");
    return `${value}\r\n`;
  };
  return (line) => {
    if (isBody) {
      isBody = line !== ".";
      return isBody ? undefined : "250 2.0.0 taken\r\n";
    }
    if (exchange !== undefined) return step(exchange.next(Buffer.from(line, "base64").toString("utf8")));
    if (line.startsWith("EHLO")) return `250-raw.example\r\n250 AUTH ${Object.keys(exchanges).join(" ")}\r\n`;
    const [, name, initial = ""] = /^AUTH (\S+)(?: (\S+))?$/u.exec(line) ?? [];
    if (name !== undefined) {
      const begin = exchanges[name];
      if (begin === undefined) return "504 5.5.4 no such mechanism\r\n";
      exchange = begin(Buffer.from(initial, "base64").toString("utf8"));
      return step(exchange.next());
    }
    if (line.startsWith("MAIL") && !isIn) return "530 5.7.0 authentication required\r\n";
    isBody = line === "DATA" && isIn;
    return usual(line);
  };
}

export function scram(hash: "sha1" | "sha256", password: string, refusal: string): Exchange {
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  return function* (initial) {
    const bare = initial.replace(/^n,,/u, "");
    const nonce = `${/r=(.*)$/u.exec(bare)?.[1] ?? ""}server`;
    const first = `r=${nonce},s=${Buffer.from("salt").toString("base64")},i=4096`;
    const final = yield first;
    const [, withoutProof = "", proof = ""] = /^(.*),p=(.*)$/u.exec(final) ?? [];
    const text = `${bare},${first},${withoutProof}`;
    const salted = pbkdf2Sync(password, "salt", 4096, hash === "sha1" ? 20 : 32, hash);
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(createHash(hash).update(clientKey).digest(), text);
    const good = Buffer.from(clientKey.map((octet, index) => octet ^ (signature[index] ?? 0))).toString("base64");
    if (proof !== good) return refusal;
    yield `v=${hmac(hmac(salted, "Server Key"), text).toString("base64")}`;
    return welcome;
  };
}

/** Knows no password, and lets everybody in. */
export const impostor: Exchange = function* (initial) {
  yield `r=${/r=(.*)$/u.exec(initial)?.[1] ?? ""}x,s=c2FsdA==,i=4096`;
  return welcome;
};

/** Refuses in two steps, as both ways of sending a token have it. */
export function bearer(good: () => string, refusal: string): Exchange {
  return function* (initial) {
    if (initial.includes(`\u0001auth=Bearer ${good()}\u0001`)) return welcome;
    yield '{"status":"invalid_token"}';
    return refusal;
  };
}

/** LOGIN, or PLAIN without an initial response. */
export function asks(prompts: readonly string[], good: readonly string[], refusal: string): Exchange {
  return function* (initial) {
    const answers: string[] = initial === "" ? [] : [initial];
    for (const prompt of prompts.slice(answers.length)) answers.push(yield prompt);
    return answers.join(" ") === good.join(" ") ? welcome : refusal;
  };
}
