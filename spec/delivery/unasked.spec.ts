/** A message that fails on this side, before the server is asked anything, says nothing of the server or our account. */
import { expect, test } from "vitest";
import { createSmtpTransport } from "../../src/delivery/smtp-transport.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { all } from "./fixtures.ts";
import { minute, outboundWorld, trouble, whileRunning } from "./outbound-world.ts";
import { kinds, never, plain, transaction } from "./smtp-fixtures.ts";

test.each([
  ["a key that cannot be read", async () => ({ kind: "failed", message: "the key is gone" }) as const, "deferred"],
  ["a body that cannot be read", async () => Promise.reject(new Error("input/output error")), "deferred"],
] as const)("%s: nobody was asked", async (_, sign, outcome) => {
  const options = {
    name: "relay",
    host: "localhost",
    port: 1,
    tls: plain,
    hostname: "a.example",
    credentials: undefined,
  };
  const limits = { maxMessagesPerConnection: 1, idleMs: 1, maxAgeMs: 1, eightBit: "send" } as const;
  await using way = createSmtpTransport({ ...options, ...limits }, { clock: systemClock, signer: { sign } });
  const result = await way.deliver(transaction(), never);
  expect(kinds(result)).toEqual([outcome]);
  expect(result.destination).toEqual({ kind: "unasked" });
});

test("a paused account stays paused, and its trial is another message's", async () => {
  await using world = await outboundWorld({
    relays: [
      {
        name: "one",
        concurrency: 1,
        rates: [{ messages: 3, perMs: 24 * 60 * minute }],
        script: (transaction, number) =>
          number === 2
            ? {
                ...all(transaction, { kind: "deferred", cause: { kind: "internal", message: "no key" } }),
                destination: { kind: "unasked" },
              }
            : trouble(transaction, "auth"),
      },
    ],
  });
  for (const name of ["a", "b", "c"]) await world.add({ from: `${name}@firma.example`, to: ["x@elsewhere.example"] });
  await whileRunning(world, async () => {
    await world.clock.advance(6 * minute);
    expect(world.told("relay-resumed")).toEqual([]);
    // The trial of the sixth minute found out nothing, and the next one was made: the password is still wrong.
    expect(world.outbound.states()[0]?.state).toMatchObject({ kind: "paused", trouble: "auth" });
    expect(world.relay("one").transactions).toHaveLength(3);
    // Two of the three that are allowed have been spent.
    await world.clock.advance(20 * minute);
    expect(world.relay("one").transactions).toHaveLength(4);
  });
});
