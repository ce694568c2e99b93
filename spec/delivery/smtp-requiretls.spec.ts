/** REQUIRETLS (RFC 8689): only over TLS, to a server that has proved itself and offers it; otherwise nothing is sent. */
import { describe, expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { startSmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import type { TlsPolicy } from "../../src/net/tls-policy.ts";
import { certificates } from "../fakes/certificates.ts";
import { at, kinds, never, openTransport, plain, transaction } from "./smtp-fixtures.ts";

const { ca, server: good } = certificates();
const tls = { key: good.key, cert: good.cert };
const offered = { moreKeywords: ["REQUIRETLS"] };
const proved: TlsPolicy = { ...plain, mode: "starttls", ca: [ca.cert] };
const mail = transaction({
  reversePath: { kind: "address", address: mustAddress("chef@firma.example") },
  to: [at("anna"), at("bernd")],
  requireTls: true,
});

test.each([
  ["STARTTLS", proved, false],
  ["opportunistic TLS with a CA of the administrator's", { ...proved, mode: "opportunistic" }, false],
  ["implicit TLS", { ...proved, mode: "implicit" }, true],
] as const)("%s, proved and offered: it goes with the message", async (_, policy, implicit) => {
  await using server = await startSmtpStandIn({ tls: { ...tls, implicit }, knobs: offered });
  await using way = openTransport(server.port, { tls: policy });
  expect(kinds(await way.deliver(mail, never))).toEqual(["delivered", "delivered"]);
  expect(server.messages[0]?.mailParameters).toContain("REQUIRETLS");
  // The next message on the same connection did not ask for it.
  await way.deliver({ ...mail, requireTls: false }, never);
  expect(server.messages[1]?.mailParameters).not.toContain("REQUIRETLS");
  expect(server.connections.total).toBe(1);
});

describe("refused for the extension, without a word of the message", () => {
  test.each([
    ["a server that does not offer it", proved, { moreKeywords: [] }],
    ["a server that offers something like it", proved, { moreKeywords: ["X-REQUIRETLS", "NO REQUIRETLS"] }],
    ["a connection without TLS", plain, offered],
    ["a server that has not proved itself", { ...plain, mode: "opportunistic" }, offered],
  ] as const)("%s", async (_, policy, knobs) => {
    await using server = await startSmtpStandIn({ tls, knobs });
    await using way = openTransport(server.port, { tls: policy });
    const result = await way.deliver(mail, never);
    expect(result.outcomes.map(({ outcome }) => outcome)).toMatchObject([
      { kind: "refused", cause: { kind: "extension", missing: "REQUIRETLS" } },
      { kind: "refused", cause: { kind: "extension", missing: "REQUIRETLS" } },
    ]);
    expect(result.destination.kind).toBe("answered");
    expect(server.transcript.some((line) => line.includes("C: MAIL"))).toBe(false);
    // The connection is good for mail that does not ask for it.
    expect(kinds(await way.deliver({ ...mail, requireTls: undefined }, never))).toEqual(["delivered", "delivered"]);
    expect(server.connections.total).toBe(1);
  });

  test("a server that proves itself badly is trouble of the path: deferred", async () => {
    await using server = await startSmtpStandIn({ tls, knobs: offered });
    await using way = openTransport(server.port, { tls: { ...plain, mode: "starttls" } });
    const result = await way.deliver(mail, never);
    expect(kinds(result)).toEqual(["deferred", "deferred"]);
    expect(result.destination).toMatchObject({ kind: "unavailable", cause: { kind: "tls" } });
  });
});
