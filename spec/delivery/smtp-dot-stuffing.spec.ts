/** Doubled dots, however the octets come; and through nodemailer the same octets as by nodemailer itself. */
import fc from "fast-check";
import { Readable } from "node:stream";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { describe, expect, it } from "vitest";
import { DotStuffing, stuffQuickly } from "../../src/delivery/smtp-dot-stuffing.ts";
import { startRawServer, usual } from "./raw-server.ts";

/** RFC 5321 §4.5.2, line by line. */
function byTheBook(text: string): string {
  return text
    .split("\r\n")
    .map((line) => (line.startsWith(".") ? `.${line}` : line))
    .join("\r\n");
}

const lines = fc
  .array(
    fc.array(fc.constantFrom(".", "a", " "), { maxLength: 4 }).map((octets) => octets.join("")),
    { maxLength: 12 },
  )
  .map((list) => list.join("\r\n"));

function inPieces(text: string, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length];
  return places.slice(1).map((end, index) => Buffer.from(text.slice(places[index], end)));
}

describe("dots at the start of lines", () => {
  it("are doubled, wherever the octets are cut", () => {
    fc.assert(
      fc.property(lines, fc.array(fc.nat(), { maxLength: 6 }), (text, cuts) => {
        const stuffing = new DotStuffing();
        const out = inPieces(text, cuts).flatMap((piece) => [...stuffing.push(piece)]);
        expect(Buffer.concat(out).toString()).toBe(byTheBook(text));
      }),
      { numRuns: 2000 },
    );
  });

  it("octets without any pass as they are", () => {
    const chunk = Buffer.from("a.b\r\nc..d\r\n");
    expect(new DotStuffing().push(chunk)[0]).toBe(chunk);
  });
});

describe("through nodemailer", () => {
  it.each([
    [
      ["Subject: x\r\n\r\n", ".\r\n", "..\r\n", ".end\r\n"],
      ["..", "...", "..end", "."],
    ],
    [
      ["Subject: x\r\n\r\na\r", "\n", ".", "b"],
      ["a", "..b", "."],
    ],
  ])("%j arrives with its dots doubled, and ends once", async (pieces, expected) => {
    await using server = await startRawServer((line) => usual(line));
    const connection = new SMTPConnection({ host: "127.0.0.1", port: server.port, ignoreTLS: true });
    connection.on("error", () => undefined);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    connection.connect(() => {
      const body = Readable.from(
        pieces.map((piece) => Buffer.from(piece)),
        { objectMode: false },
      );
      stuffQuickly(body);
      connection.send({ from: "a@firma.example", to: ["b@firma.example"] }, body, (error, info) => {
        if (error === null) resolve(info);
        else reject(error);
      });
    });
    const info = await promise;
    connection.close();
    expect(server.lines.slice(server.lines.indexOf("") + 1)).toEqual(expected);
    const sent = `${pieces.join("")}${pieces.join("").endsWith("\r\n") ? "" : "\r\n"}`;
    expect(info).toMatchObject({ messageSize: byTheBook(sent).length + ".\r\n".length });
  });
});
