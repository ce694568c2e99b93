/**
 * Every client with every sender and every recipient, on the gatekeeper alone: what stands in `relay-cases.ts` is what is
 * answered. Paths are read as the listener reads them, by `parseAddress`; what it does not take never gets further.
 */
import { describe, expect, test } from "vitest";
import { domainOf, mustAddress, parseAddress } from "../../src/core/address.ts";
import type { GatekeeperOptions } from "../../src/outbound/gatekeeper.ts";
import type { Pass, SmtpClient } from "../../src/outbound/port.ts";
import { admitted, clientAt, codeOf, mailFrom, openGatekeeper, parseReversePath, tls } from "./gatekeeper-support.ts";
import {
  clientCases,
  openRelayCases,
  recipientCases,
  relaySetUp,
  senderCases,
  type ClientCase,
  type RecipientCase,
} from "./relay-cases.ts";

interface Session {
  readonly pass: Pass;
  readonly client: SmtpClient;
  readonly auth: number | undefined;
}

/** Connects and logs in as the case says; gives the greeting's code where that is a refusal. */
async function begin(of: ClientCase, options: Partial<GatekeeperOptions> = {}): Promise<Session | number> {
  const { keeper } = openGatekeeper({ ...(of.users ? {} : { users: new Map() }), ...options });
  // TLS by STARTTLS: not there yet when it connects.
  const result = keeper.admit(clientAt(of.address));
  if (result.kind === "no") {
    expect(result.close).toBe(true);
    return result.answer.code;
  }
  const { pass } = result;
  const client = clientAt(of.address, { tls: of.tls ? tls : undefined });
  if (of.login === "none") return { pass, client, auth: undefined };
  const user = of.login === "unknown user" ? "nobody" : relaySetUp.user;
  const password = of.login === "wrong password" ? "geraten" : relaySetUp.password;
  const verdict = await pass.logIn(user, password, client);
  if (verdict.kind === "ok") return { pass, client: { ...client, user }, auth: 235 };
  return { pass, client, auth: verdict.answer.code };
}

/** 250, or the code of the refusal; 501 for what is no path. */
function mailCode({ pass, client }: Session, path: string): number {
  const reversePath = parseReversePath(path);
  if (reversePath === undefined) return 501;
  const verdict = pass.mail(mailFrom("", { reversePath }), client);
  return verdict.kind === "ok" ? 250 : verdict.answer.code;
}

function recipientCode({ pass, client }: Session, path: string): { code: number; domain?: string } {
  const result = parseAddress(path);
  if (result.kind === "bad") return { code: 501 };
  const verdict = pass.recipient(result.address, path, 0, client);
  return verdict.kind === "ok" ? { code: 250, domain: domainOf(result.address) } : { code: verdict.answer.code };
}

function expectedRecipient({ code, domain }: RecipientCase): { code: number; domain?: string } {
  return domain === undefined ? { code } : { code, domain };
}

describe.each(clientCases)("$name (users: $users)", (of) => {
  test(`connect ${of.connect}, auth ${of.auth ?? "-"}, ${of.mail === undefined ? "may send" : "may not send"}`, async () => {
    const session = await begin(of);
    if (typeof session === "number") {
      expect(session).toBe(of.connect);
      return;
    }
    expect(of.connect).toBe(220);
    expect(session.auth).toBe(of.auth);
    for (const sender of senderCases) {
      const expected = sender.code === 501 ? 501 : (of.mail ?? sender.code);
      expect(mailCode(session, sender.path), `MAIL FROM:<${sender.path}>`).toBe(expected);
      for (const recipient of recipientCases) {
        const taken = expectedRecipient(recipient);
        const expected = of.mail === undefined || taken.code === 501 ? taken : { code: of.mail };
        expect(recipientCode(session, recipient.path), `RCPT TO:<${recipient.path}>`).toEqual(expected);
      }
    }
  });
});

describe('senders of any domain (sender_domains = ["*"])', () => {
  test.each(clientCases.filter(({ connect }) => connect === 220))("$name", async (of) => {
    const session = await begin(of, { foreignSenders: true });
    if (typeof session === "number") throw new Error(`refused with ${session}`);
    for (const { path, code } of senderCases)
      expect(mailCode(session, path), path).toBe(code === 501 ? 501 : (of.mail ?? 250));
  });
});

describe("classical tests for open relays, from strangers", () => {
  const strangers = clientCases.filter(({ connect, mail }) => connect === 554 || mail !== undefined);

  test.each(openRelayCases)("$name: <$from> to <$to>", async ({ from, to }) => {
    expect(strangers.length).toBeGreaterThan(10);
    for (const of of strangers) {
      const session = await begin(of, { foreignSenders: true });
      if (typeof session === "number") {
        expect(session).toBe(554);
        continue;
      }
      expect([530, 501], of.name).toContain(mailCode(session, from));
      // Asked although MAIL was refused: the gatekeeper does not rely on the order of commands.
      expect([530, 501], of.name).toContain(recipientCode(session, to).code);
    }
  });
});

describe("classical tests for open relays, from a client that may send: no spelling changes where it goes", () => {
  test.each(openRelayCases)("$name: <$to>", async ({ to }) => {
    const [allowed] = clientCases;
    const session = allowed === undefined ? 0 : await begin(allowed);
    if (typeof session === "number") throw new Error("not admitted");
    const { code, domain } = recipientCode(session, to);
    if (code === 250) expect(domain).toBe(to.slice(to.lastIndexOf("@") + 1));
    else expect([501, 550]).toContain(code);
  });
});

test("a source route is refused even if its address could be read", () => {
  const { keeper } = openGatekeeper();
  const client = clientAt("192.168.1.9");
  using pass = admitted(keeper, client);
  const address = mustAddress("user@foreign.example");
  expect(codeOf(pass.recipient(address, "@firma.example:user@foreign.example", 0, client))).toBe("553 5.1.3");
});

test("an own domain is taken as a recipient whatever it looks like", () => {
  const { keeper } = openGatekeeper({ senderDomains: ["firma"] });
  const client = clientAt("192.168.1.9");
  using pass = admitted(keeper, client);
  expect(codeOf(pass.recipient(mustAddress("user@firma"), "user@firma", 0, client))).toBe("ok");
  expect(codeOf(pass.recipient(mustAddress("user@exchange"), "user@exchange", 0, client))).toBe("550 5.1.2");
});
