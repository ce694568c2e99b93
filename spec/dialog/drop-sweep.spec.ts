/**
 * A connection that ends after any octet of a whole session. Whatever the octet: no message is handed out as whole that is
 * not, no QUIT is taken for confirmed that was not, and the client ends with what it has or with a `Pop3Error`.
 */
import { describe, expect, it } from "vitest";
import { startPop3StandIn, type Pop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { type Capabilities, Pop3Error } from "../../src/pop3/port.ts";
import { client, knownGood, never, read } from "../pop3/stand-in-client.ts";

const messages = [
  "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nend.\r\n",
  "Subject: bare\r\n\r\na line\n.\n.. and\n.\r\nmore.\r\n",
  "Subject: no end\r\n\r\nlast line.",
].map((text) => Buffer.from(text));

/** What the client must get: a final CRLF is the server's to add (RFC 1939 §3). */
const whole = messages.map((raw) => (raw.at(-1) === 0x0a ? raw : Buffer.concat([raw, Buffer.from("\r\n")])));

interface Result {
  readonly read: readonly { readonly number: number; readonly body: Buffer }[];
  readonly confirmed: boolean;
  readonly error: unknown;
}

async function drain(standIn: Pop3StandIn, known: Capabilities | undefined, pipelined: boolean): Promise<Result> {
  const taken: { number: number; body: Buffer }[] = [];
  let confirmed = false;
  try {
    await using box = await client(standIn.port, { auth: "auto" })(never, known);
    const listing = await box.list();
    const numbers = listing.messages.map(({ number }) => number);
    const ahead = pipelined ? numbers.map((number) => box.retrieve(number)) : [];
    for (const one of ahead) one.catch(() => undefined);
    for (const [index, number] of numbers.entries()) {
      taken.push({ number, body: await read(await (ahead[index] ?? box.retrieve(number))) });
      await box.delete(number);
    }
    ({ confirmed } = await box.quit());
    return { read: taken, confirmed, error: undefined };
  } catch (error) {
    return { read: taken, confirmed, error };
  }
}

describe("a drop at any octet", () => {
  it.each([
    ["one command at a time, with CAPA", undefined, false],
    ["pipelined, with known capabilities", knownGood, true],
  ])(
    "%s",
    async (_, known, pipelined) => {
      let complete = false;
      for (let octets = 0; !complete; octets += 1) {
        const accounts = [{ user: "tester", password: "secret", messages }];
        await using standIn = await startPop3StandIn({ accounts, faults: { dropAfterOctets: octets } });
        const result = await drain(standIn, known, pipelined);
        for (const { number, body } of result.read) {
          expect(body.toString("latin1"), `message ${number}, cut after ${octets}`).toBe(
            whole[number - 1]?.toString("latin1"),
          );
        }
        const left = standIn.box("tester").list().length;
        if (result.confirmed) expect(left, `confirmed, cut after ${octets}`).toBe(0);
        else if (result.error === undefined) expect(result.read).toHaveLength(messages.length);
        else expect(result.error).toBeInstanceOf(Pop3Error);
        complete = result.confirmed;
        expect(octets, "the session must come to its end at last").toBeLessThan(3000);
      }
    },
    60_000,
  );
});
