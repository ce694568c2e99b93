/** Trouble with the account at a relay, over the wire: nothing is refused, and the connection's state is as it should be. */
import { expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { judgeAccount } from "../../src/delivery/account-trouble.ts";
import { startRawServer, usual, type Answer } from "./raw-server.ts";
import { at, never, openTransport, transaction } from "./smtp-fixtures.ts";

const sender = { kind: "address", address: mustAddress(at("chef")) } as const;
const mail = transaction({ reversePath: sender, to: [at("anna"), at("bert")] });

async function deliver(answer: Answer, more: Parameters<typeof openTransport>[1] = {}) {
  await using server = await startRawServer(answer);
  await using transport = openTransport(server.port, { judge: judgeAccount, ...more });
  return await transport.deliver(mail, never);
}

it("a sender that is refused at MAIL defers everybody, in the server's words", async () => {
  const result = await deliver((line) =>
    line.startsWith("MAIL")
      ? "550-Requested action not taken: mailbox unavailable\r\n550 Sender address is not allowed.\r\n"
      : usual(line),
  );
  expect(result.outcomes.map(({ outcome }) => outcome.kind)).toEqual(["deferred", "deferred"]);
  expect(result).toMatchObject({
    account: {
      trouble: "sender",
      cause: {
        phase: "mail",
        reply: { text: "Requested action not taken: mailbox unavailable\nSender address is not allowed." },
      },
    },
    destination: { kind: "answered" },
  });
});

it("a sender that is refused at each RCPT, or after the dot, is the same trouble", async () => {
  const refusal = "553 5.7.1 <chef@firma.example>: Sender address rejected: not owned by user x\r\n";
  const atRcpt = await deliver((line) => (line.startsWith("RCPT") ? refusal : usual(line)));
  expect(atRcpt).toMatchObject({ account: { trouble: "sender", cause: { phase: "rcpt" } } });
  let inBody = false;
  const atDot = await deliver((line) => {
    if (!inBody) {
      inBody = line.startsWith("DATA");
      return usual(line);
    }
    inBody = line !== ".";
    return inBody ? undefined : "554 Message rejected: Email address is not verified.\r\n";
  });
  expect(atDot).toMatchObject({ account: { trouble: "sender", cause: { phase: "dot" } } });
  for (const { outcomes } of [atRcpt, atDot])
    expect(outcomes.map(({ outcome }) => outcome.kind)).toEqual(["deferred", "deferred"]);
});

it("a login that is refused is the account's trouble, and not the server's", async () => {
  const credentials = { user: "chef", secret: { kind: "password", read: async () => "wrong" } } as const;
  const result = await deliver(
    (line) => {
      if (/^EHLO/iu.test(line)) return "250-raw.example\r\n250 AUTH PLAIN\r\n";
      return line.startsWith("AUTH") ? "535 5.7.8 Username and Password not accepted\r\n" : usual(line);
    },
    { credentials },
  );
  expect(result).toMatchObject({
    account: { trouble: "auth", cause: { kind: "reply", phase: "auth", reply: { code: 535, enhanced: "5.7.8" } } },
    destination: { kind: "answered" },
  });
});

const offers: Answer = (line) => (/^EHLO/iu.test(line) ? "250-raw.example\r\n250 AUTH PLAIN XOAUTH2\r\n" : usual(line));

it("a token that cannot be had is the account's trouble; a connection lost during AUTH is the server's", async () => {
  const withoutToken = await deliver(offers, {
    credentials: {
      user: "chef",
      secret: {
        kind: "oauth",
        token: async () => {
          throw new Error("consent was withdrawn");
        },
        invalidate: () => undefined,
      },
    },
  });
  expect(withoutToken).toMatchObject({
    account: { trouble: "auth", cause: { kind: "connection", phase: "auth" } },
    destination: { kind: "answered" },
  });
  const lost = await deliver(
    (line, socket) => {
      if (!line.startsWith("AUTH")) return offers(line, socket);
      socket.destroy();
      return undefined;
    },
    { credentials: { user: "chef", secret: { kind: "password", read: async () => "right" } } },
  );
  expect(lost.account).toBeUndefined();
  expect(lost.destination).toMatchObject({ kind: "unavailable", cause: { phase: "auth" } });
});

it("one recipient that may not be relayed to, among others, is that one's refusal", async () => {
  const result = await deliver((line) =>
    line.startsWith("RCPT TO:<bert") ? "554 5.7.1 <bert@firma.example>: Relay access denied\r\n" : usual(line),
  );
  expect(result.outcomes.map(({ outcome }) => outcome.kind)).toEqual(["delivered", "refused"]);
  expect(result.account).toBeUndefined();
});

it("without a judge, as on the way to Exchange, a refused sender is a refusal", async () => {
  const result = await deliver((line) => (line.startsWith("MAIL") ? "550 5.7.1 Sender denied\r\n" : usual(line)), {
    judge: undefined,
  });
  expect(result.outcomes.map(({ outcome }) => outcome.kind)).toEqual(["refused", "refused"]);
});
