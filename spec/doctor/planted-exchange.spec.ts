/** What Exchange can be set up wrongly in, each planted: the doctor names each, with the cmdlet that helps. */
import { describe, expect, test } from "vitest";
import { certificates } from "../fakes/certificates.ts";
import { makeDoctorWorld } from "./doctor-world.ts";

describe("Exchange", () => {
  test("TLS where it is not, and is not where it is: the word for SMTP is the right one", async () => {
    const { server: good } = certificates();
    await using world = await makeDoctorWorld({ exchange: { tls: good } });
    const exchange = (tls: string): { exchange: string } => ({
      exchange: `port = ${world.exchange.port}\ntls = "${tls}"\nca = "ca.pem"`,
    });
    const implicit = await world.ask(exchange("implicit"), ["exchange"]);
    expect(implicit.words).toContain("begins in plain text and then offers STARTTLS");
    expect(implicit.words).toContain('tls = "required"');
    const required = await world.ask(exchange("required"), ["exchange"]);
    expect(required.words).toBe("");
    await using other = await makeDoctorWorld({ exchange: { tls: { ...good, implicit: true } } });
    const clear = { exchange: `port = ${other.exchange.port}\ntls = "required"` };
    const { words } = await other.ask(clear, ["exchange"]);
    expect(words).toContain("speaks TLS from the start, while plain text is expected");
    expect(words).toContain('tls = "implicit"');
  });

  test("no certificate: STARTTLS is demanded and not offered; opportunistic goes on in the clear and says so", async () => {
    await using world = await makeDoctorWorld();
    const exchange = (tls: string): string => `port = ${world.exchange.port}\ntls = "${tls}"`;
    const required = await world.ask({ exchange: exchange("required") }, ["exchange"]);
    expect(required.words).toContain("the server does not do STARTTLS, which the configuration demands");
    const maybe = await world.ask({ exchange: exchange("opportunistic") }, ["exchange"]);
    expect(maybe.words).toBe("");
    expect(maybe.findings.map(({ what }) => what).join()).toContain("STARTTLS is not offered");
  });

  test("a greeting that turns us away, a server of long ago without EHLO, and one that hangs up", async () => {
    await using world = await makeDoctorWorld({ exchange: { knobs: { backPressure: "connect" } } });
    const away = await world.ask({}, ["exchange"]);
    expect(away.words).toContain("turns us away: 421 4.3.2");
    world.exchange.set({ backPressure: "none", heloOnly: true });
    const old = await world.ask({}, ["exchange"]);
    expect(old.findings.map(({ what }) => what)).toContain("it takes mail for firma.example");
    world.exchange.set({ heloOnly: false, at: { rcpt: { do: "drop" } } });
    const gone = await world.ask({}, ["exchange"]);
    expect(gone.status).toBe(5);
    expect(gone.words).toContain("the server ended the connection, or did not answer, at RCPT");
  });

  test("a domain that it refuses: relaying denied", async () => {
    const denied = { do: "reply", line: "550 5.7.1 Unable to relay" } as const;
    await using world = await makeDoctorWorld({
      exchange: { knobs: { atRcpt: { "postmaster@firma-alt.example": denied } } },
    });
    const { status, words, findings } = await world.ask({ domains: '["firma.example", "firma-alt.example"]' }, [
      "exchange",
    ]);
    expect(status).toBe(5);
    expect(words).toContain("it refuses mail for firma-alt.example: 550 5.7.1 Unable to relay");
    expect(words).toContain("New-AcceptedDomain -Name firma-alt.example");
    expect(findings.map(({ what }) => what)).toContain("it takes mail for firma.example");
  });

  test("many domains that it refuses, and it ends connections after five errors: each is asked about", async () => {
    const denied = { do: "reply", line: "550 5.7.1 Unable to relay" } as const;
    await using world = await makeDoctorWorld({ exchange: { knobs: { at: { rcpt: denied } } } });
    const domains = Array.from({ length: 7 }, (_, index) => `"d${index}.example"`);
    const { bad } = await world.ask({ domains: `[${domains.join(", ")}]` }, ["exchange"]);
    expect(bad).toHaveLength(7);
    expect(world.exchange.transcript.filter((line) => line.includes("421"))).toEqual([]);
  });

  test("nobody may send: the connector wants a login", async () => {
    await using world = await makeDoctorWorld({ exchange: { knobs: { authRequired: true } } });
    const { status, words } = await world.ask({}, ["exchange"]);
    expect(status).toBe(5);
    expect(words).toContain("it takes no mail from us: 530 5.7.0");
    expect(words).toContain("-PermissionGroups AnonymousUsers");
  });

  test("back pressure is a warning", async () => {
    await using world = await makeDoctorWorld({ exchange: { knobs: { backPressure: "mail" } } });
    const { status, words } = await world.ask({}, ["exchange"]);
    expect(status).toBe(0);
    expect(words).toContain("back pressure");
  });

  test("unknown people: refused after a tarpit, or taken; a limit on size below what is fetched", async () => {
    await using world = await makeDoctorWorld({
      exchange: {
        knobs: { mailboxes: new Set(["postmaster@firma.example"]), tarpitMs: 1600, size: 5 * 1024 * 1024 },
      },
    });
    const strict = await world.ask({}, ["exchange"]);
    const said = strict.findings.map(({ what, lines }) => [what, ...(lines ?? [])].join("\n")).join("\n");
    expect(said).toContain("it refuses unknown people at once: 550 5.1.10");
    expect(said).toMatch(/it waits [\d.]+ seconds? before each refusal \(tarpit\)/u);
    expect(said).toContain("-TarpitInterval 00:00:00");
    expect(strict.words).toContain("it takes messages of up to 5.2 MB; messages of up to 10 MB are fetched");
    world.exchange.set({ mailboxes: undefined });
    const loose = await world.ask({}, ["exchange"]);
    expect(loose.findings.map(({ what }) => what).join("\n")).toContain("it takes mail for people who do not exist");
  });

  test("refusals without enhanced codes: a person, a domain", async () => {
    const unknown = { do: "reply", line: "550 no such user here" } as const;
    const relay = { do: "reply", line: "550 relay not permitted" } as const;
    await using world = await makeDoctorWorld({
      exchange: { knobs: { atRcpt: { "postmaster@firma.example": unknown, "postmaster@b.example": relay } } },
    });
    const { bad } = await world.ask({ domains: '["firma.example", "b.example"]' }, ["exchange"]);
    expect(bad.map(({ what }) => what)).toEqual(["it refuses mail for b.example: 550 relay not permitted"]);
  });

  test("no postmaster there is no refusal of the domain", async () => {
    await using world = await makeDoctorWorld({ exchange: { knobs: { mailboxes: new Set() } } });
    const { status, findings } = await world.ask({}, ["exchange"]);
    expect(status).toBe(0);
    const said = findings.map(({ what }) => what);
    expect(said).toContain("it takes mail for firma.example");
    expect(said.join("\n")).toContain("postmaster@firma.example has no mailbox there");
  });

  test("a clock that is an hour away", async () => {
    const theirs = new Date(Date.now() - 3_600_000).toUTCString().replace("GMT", "+0000");
    await using world = await makeDoctorWorld({
      exchange: { knobs: { hostname: `ex.firma.example Microsoft ESMTP MAIL Service ready at ${theirs}` } },
    });
    const { words } = await world.ask({}, ["exchange"]);
    expect(words).toContain("its clock and this machine's are 1 hour apart");
  });
});
