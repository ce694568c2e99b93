/** How far a session asks ahead: a long line is filled with small messages, and large ones are asked for as they come. */
import { describe, expect, it } from "vitest";
import { bench, mail } from "./bench.ts";

/** The most RETR that were outstanding while a box of so many messages of a stated size was drained. */
async function mostAsked(messages: number, listSize: number | undefined): Promise<number> {
  const b = await bench({ maxOctets: 1e9 });
  b.box.window = 256;
  for (let n = 0; n < messages; n++) b.box.add(mail(`m${n}`));
  for (const message of b.box.messages) message.listSize = listSize;
  let asked = 0;
  let most = 0;
  const { connect } = b.box;
  b.restart({
    connect: async (signal, known) => {
      const session = await connect(signal, known);
      const retrieve = session.retrieve.bind(session);
      session.retrieve = async (number) => {
        most = Math.max(most, ++asked);
        const reply = await retrieve(number);
        if (reply.kind === "refused") return reply;
        const { body } = reply;
        return {
          ...reply,
          body: (async function* () {
            yield* body;
            asked--;
          })(),
        };
      };
      return session;
    },
  });
  expect(await b.poll()).toMatchObject({ fetched: messages, deleted: messages });
  return most;
}

describe("asking ahead", () => {
  it("asks for as many small messages as the box takes", async () => {
    expect(await mostAsked(300, undefined)).toBe(256);
  });

  it("asks for no more large messages than announce the octets that a line holds", async () => {
    // The one that is read, and 4 MiB behind it.
    expect(await mostAsked(20, 1024 * 1024)).toBe(5);
  });

  it("always asks for the next message, however large", async () => {
    // One is read, and one is next.
    expect(await mostAsked(6, 10 * 1024 * 1024)).toBe(2);
  });
});
