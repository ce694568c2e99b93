import { describe, expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { startRawServer, usual, type Answer } from "./raw-server.ts";
import { kinds, never, openTransport, transaction } from "./smtp-fixtures.ts";

const credentials = { user: "chef@firma.example", secret: { kind: "password" as const, read: async () => "geheim" } };

function withAuth(mechanism: string, onAuth: (line: string, step: number) => string): Answer {
  let step = 0;
  return (line) => {
    if (line.startsWith("EHLO")) return `250-raw.example\r\n250 AUTH ${mechanism}\r\n`;
    if (/^(?:$|MAIL|RCPT|DATA|QUIT|RSET)/u.test(line)) return usual(line);
    return onAuth(line, (step += 1));
  };
}

describe("a login at a server that makes no sense", () => {
  test.each<[string, string, (line: string, step: number) => string, RegExp]>([
    ["words that are no reply", "PLAIN", () => "hello\r\n", /AUTH/u],
    ["one question after the other, without an end", "LOGIN", () => "334 VXNlcm5hbWU6\r\n", /auth/iu],
    ["a question after a question that cannot be answered", "CRAM-MD5", () => "334 \r\n", /auth/iu],
  ])("%s: deferred as trouble of the account, and nothing is sent", async (_, mechanism, onAuth, words) => {
    await using server = await startRawServer(withAuth(mechanism, onAuth));
    await using way = openTransport(server.port, { credentials, auth: "auto" });
    const result = await way.deliver(transaction({}), never);
    expect(kinds(result)).toEqual(["deferred"]);
    expect(JSON.stringify(result.outcomes[0]?.outcome)).toMatch(words);
    expect(server.lines.some((line) => line.startsWith("MAIL"))).toBe(false);
    // Nor is the password told to whoever reads the event.
    expect(JSON.stringify(result)).not.toContain("geheim");
  });
});

describe("addresses beyond ASCII at a server without SMTPUTF8", () => {
  const jörg = mustAddress("jörg@firma.example");

  test("the sender's: nobody can have it, each is told why, and nothing is sent", async () => {
    await using server = await startRawServer(usual);
    await using way = openTransport(server.port);
    const reversePath = { kind: "address", address: jörg } as const;
    const result = await way.deliver(transaction({ to: ["a@x.example", "b@x.example"], reversePath }), never);
    expect(kinds(result)).toEqual(["refused", "refused"]);
    expect(result.outcomes[0]?.outcome).toMatchObject({ cause: { kind: "extension", missing: "SMTPUTF8" } });
    expect(server.lines.some((line) => line.startsWith("MAIL"))).toBe(false);
  });

  test("all recipients': the same", async () => {
    await using server = await startRawServer(usual);
    await using way = openTransport(server.port);
    const result = await way.deliver(transaction({ to: [jörg] }), never);
    expect(kinds(result)).toEqual(["refused"]);
    expect(server.lines.some((line) => line.startsWith("MAIL"))).toBe(false);
  });
});

test("a transaction that is to stop before it has begun reaches no server", async () => {
  await using server = await startRawServer(usual);
  await using way = openTransport(server.port);
  const reason = new Error("stopping");
  const given = await way.deliver(transaction({}), AbortSignal.abort(reason)).catch((error: unknown) => error);
  // Either way nobody is taken to have had it.
  if (given instanceof Error) expect(given).toBe(reason);
  else expect(given).toMatchObject({ outcomes: [{ outcome: { kind: "deferred" } }] });
  expect(server.lines).toEqual([]);
});
