/** Whether mail that demands TLS on the whole way can be relayed at all: what the listener's offer goes by. */
import { expect, test } from "vitest";
import { startSmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import type { TlsPolicy } from "../../src/net/tls-policy.ts";
import { certificates } from "../fakes/certificates.ts";
import { ScriptedTransport } from "./fixtures.ts";
import { outboundWorld } from "./outbound-world.ts";
import { at, never, openTransport, plain, transaction } from "./smtp-fixtures.ts";

const { ca, server: good } = certificates();
const tls = { key: good.key, cert: good.cert };
const proved: TlsPolicy = { ...plain, mode: "starttls", ca: [ca.cert] };

test.each([
  ["offered by a server that has proved itself", proved, ["REQUIRETLS"], true],
  ["not offered", proved, [], false],
  ["offered by one that has not proved itself", { ...plain, mode: "opportunistic" }, ["REQUIRETLS"], false],
] as const)("a server's REQUIRETLS is known from its last EHLO: %s", async (_, policy, moreKeywords, expected) => {
  await using server = await startSmtpStandIn({ tls, knobs: { moreKeywords } });
  await using way = openTransport(server.port, { tls: policy });
  expect(way.offersRequireTls?.()).toBeUndefined();
  await way.deliver(transaction({ to: [at("anna")] }), never);
  expect(way.offersRequireTls?.()).toBe(expected);
});

test("one relay that proves itself and offers it, or has not been seen yet, is enough", async () => {
  const known = (offers: boolean | undefined): ScriptedTransport =>
    Object.assign(new ScriptedTransport(), { offersRequireTls: () => offers });
  const keeps = async (...relays: readonly (readonly [isProved: boolean, offers: boolean | undefined])[]) => {
    await using world = await outboundWorld({
      relays: relays.map(([isProved, offers], index) => {
        return { name: `r${index}`, isProved, transport: known(offers) };
      }),
    });
    return world.outbound.keepsRequireTls();
  };
  expect(await keeps([true, true])).toBe(true);
  expect(await keeps([true, undefined])).toBe(true);
  expect(await keeps([true, false])).toBe(false);
  expect(await keeps([false, true])).toBe(false);
  expect(await keeps([true, false], [true, undefined])).toBe(true);
  expect(await keeps()).toBe(false);
});
