import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cramMd5 } from "../../src/sasl/cram-md5.ts";
import { SaslError } from "../../src/sasl/mechanism.ts";
import { oauthBearer, xoauth2 } from "../../src/sasl/oauth.ts";
import { login, plain } from "../../src/sasl/plain.ts";
import { scram } from "../../src/sasl/scram.ts";
import { chooseMechanism, type SaslChoice, type SaslCredentials } from "../../src/sasl/choose.ts";
import { saslPrep } from "../../src/sasl/saslprep.ts";

const says = (password: string) => () => Promise.resolve(password);
const signal = new AbortController().signal;
/** The nonces of the RFCs' examples are text that is not base64 of anything we would make: given as decoded octets. */
const nonceOf = (text: string) => () => Buffer.from(text, "base64");

describe("PLAIN", () => {
  it("is the message of RFC 4616 §4", async () => {
    const mechanism = plain("tim", says("tanstaaftanstaaf"));
    expect(await mechanism.initial()).toEqual(Buffer.from("\0tim\0tanstaaftanstaaf"));
    expect(() => mechanism.finish()).not.toThrow();
    await expect(mechanism.respond(Buffer.from("more"))).rejects.toThrow(SaslError);
  });

  it("refuses a NUL, which would move the border between user and password", async () => {
    await expect(plain("tim", says("a\0b")).initial()).rejects.toThrow(SaslError);
  });

  it("sends UTF-8", async () => {
    expect(await plain("jörg", says("paß")).initial()).toEqual(Buffer.from("\0jörg\0paß", "utf8"));
  });
});

describe("LOGIN", () => {
  it("gives the user, then the password, whatever it is asked with", async () => {
    const mechanism = login("user", says("secret"));
    expect(await mechanism.initial()).toBeUndefined();
    expect(await mechanism.respond(Buffer.from("User Name\0"))).toEqual(Buffer.from("user"));
    expect(await mechanism.respond(Buffer.from(""))).toEqual(Buffer.from("secret"));
    await expect(mechanism.respond(Buffer.from("Again:"))).rejects.toThrow(SaslError);
  });
});

describe("CRAM-MD5", () => {
  it("answers the challenge of RFC 2195 §2", async () => {
    const mechanism = cramMd5("tim", says("tanstaaftanstaaf"));
    expect(await mechanism.initial()).toBeUndefined();
    const answer = await mechanism.respond(Buffer.from("<1896.697170952@postoffice.reston.mci.net>"));
    expect(answer.toString()).toBe("tim b913a602c7eda7a495b4e6e7334d3890");
    await expect(mechanism.respond(Buffer.from("<2@x>"))).rejects.toThrow(SaslError);
  });

  it("refuses an empty challenge: its digest could be looked up", async () => {
    await expect(cramMd5("tim", says("x")).respond(Buffer.alloc(0))).rejects.toThrow(SaslError);
  });
});

describe("SCRAM", () => {
  // RFC 5802 §5 and RFC 7677 §3: user "user", password "pencil".
  const vectors = [
    {
      hash: "sha1" as const,
      nonce: "fyko+d2lbbFgONRv9qkxdawL",
      first: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
      proof: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
      final: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    },
    {
      hash: "sha256" as const,
      nonce: "rOprNGfwEbeRWgbNEkqO",
      first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
      proof:
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
      final: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    },
  ];

  it.each(vectors)("speaks the example of its RFC ($hash)", async ({ hash, nonce, first, proof, final }) => {
    const mechanism = scram(hash, "user", says("pencil"), nonceOf(nonce));
    expect((await mechanism.initial())?.toString()).toBe(`n,,n=user,r=${nonce}`);
    expect((await mechanism.respond(Buffer.from(first))).toString()).toBe(proof);
    expect(() => mechanism.finish()).toThrow(/has not proved/u);
    expect(await mechanism.respond(Buffer.from(final))).toEqual(Buffer.alloc(0));
    expect(() => mechanism.finish()).not.toThrow();
    await expect(mechanism.respond(Buffer.from(final))).rejects.toThrow(SaslError);
  });

  it("does not believe a server with a wrong, empty or missing signature", async () => {
    const [vector] = vectors;
    for (const final of ["v=rmF8pqV8S7suAoZWja4dJRkFsKQ=", "v=", "", "v=AAAA", "rmF9pqV8S7suAoZWja4dJRkFsKQ="]) {
      const mechanism = scram("sha1", "user", says("pencil"), nonceOf(vector!.nonce));
      await mechanism.initial();
      await mechanism.respond(Buffer.from(vector!.first));
      await expect(mechanism.respond(Buffer.from(final))).rejects.toThrow(/cannot prove/u);
      expect(() => mechanism.finish()).toThrow(SaslError);
    }
  });

  it("tells what the server complains of", async () => {
    const [vector] = vectors;
    const mechanism = scram("sha1", "user", says("wrong"), nonceOf(vector!.nonce));
    await mechanism.initial();
    await mechanism.respond(Buffer.from(vector!.first));
    await expect(mechanism.respond(Buffer.from("e=invalid-proof"))).rejects.toThrow(/invalid-proof/u);
    expect(mechanism.complaint).toBe("invalid-proof");
  });

  const salt = "QSXCR+Q6sek8bf92";
  it.each([
    ["a replay with another nonce", `r=other,s=${salt},i=4096`, /replay/u],
    ["our nonce without the server's", `r=NONC,s=${salt},i=4096`, /replay/u],
    ["too few rounds", `r=NONCx,s=${salt},i=4095`, /too few/u],
    ["too many rounds", `r=NONCx,s=${salt},i=999999999`, /too many/u],
    ["a zero of rounds", `r=NONCx,s=${salt},i=0`, /cannot be read/u],
    ["no salt", `r=NONCx,s=,i=4096`, /cannot be read/u],
    ["a mandatory extension", `m=x,r=NONCx,s=${salt},i=4096`, /extension/u],
    ["nothing", ``, /cannot be read/u],
    ["far too much", `r=NONCx,s=${salt},i=4096,${"x".repeat(5000)}`, /too long/u],
  ])("refuses %s before it reads the password", async (_what, first, message) => {
    let wasRead = false;
    const password = () => {
      wasRead = true;
      return Promise.resolve("pencil");
    };
    const mechanism = scram("sha256", "user", password, nonceOf("NONC"));
    await mechanism.initial();
    await expect(mechanism.respond(Buffer.from(first))).rejects.toThrow(message);
    expect(wasRead).toBe(false);
  });

  it("agrees with a server written down independently, for every user and password", async () => {
    const text = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
      .filter((it) => (saslPrep(it) ?? "") !== "");
    await fc.assert(
      fc.asyncProperty(
        text,
        text,
        fc.uint8Array({ minLength: 1, maxLength: 24 }),
        async (user, password, saltOctets) => {
          const mechanism = scram("sha256", user, says(password), randomBytes);
          const bare = (await mechanism.initial())!.toString().slice(3);
          expect(bare.slice(2, bare.lastIndexOf(",r=")).replaceAll("=2C", ",").replaceAll("=3D", "=")).toBe(
            saslPrep(user),
          );
          const first = `${bare.slice(bare.lastIndexOf("r="))}srv,s=${Buffer.from(saltOctets).toString("base64")},i=4096`;
          const last = (await mechanism.respond(Buffer.from(first))).toString();
          const withoutProof = last.slice(0, last.lastIndexOf(",p="));
          const stored = pbkdf2Sync(saslPrep(password)!, saltOctets, 4096, 32, "sha256");
          const mac = (key: Buffer, data: string) => createHmac("sha256", key).update(data).digest();
          const auth = `${bare},${first},${withoutProof}`;
          const clientKey = mac(stored, "Client Key");
          const signature = mac(createHash("sha256").update(clientKey).digest(), auth);
          const proof = Buffer.from(last.slice(last.lastIndexOf(",p=") + 3), "base64");
          expect(Buffer.from(proof.map((octet, at) => octet ^ signature[at]!))).toEqual(clientKey);
          await mechanism.respond(Buffer.from(`v=${mac(mac(stored, "Server Key"), auth).toString("base64")}`));
          mechanism.finish();
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("SASLprep", () => {
  it.each([
    ["I\u00adX", "IX"],
    ["user", "user"],
    ["USER", "USER"],
    ["\u00aa", "a"],
    ["\u2168", "IX"],
    ["\u0007", undefined],
    ["a\u00a0b", "a b"],
    ["e\u0301", "é"],
    ["\ue000", undefined],
  ])("prepares %j as RFC 4013 §3 says", (text, expected) => {
    expect(saslPrep(text)).toBe(expected);
  });
});

describe("OAuth", () => {
  const secret = () => {
    const calls = { invalidated: 0 };
    return {
      calls,
      kind: "oauth" as const,
      token: () => Promise.resolve("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"),
      invalidate: () => {
        calls.invalidated++;
      },
    };
  };

  it("makes Google's documented XOAUTH2 message", async () => {
    const initial = await xoauth2("someuser@example.com", secret(), signal).initial();
    expect(initial?.toString("base64")).toBe(
      "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==",
    );
  });

  it("makes the OAUTHBEARER message of RFC 7628 §4.1", async () => {
    const tokens = { ...secret(), token: () => Promise.resolve("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==") };
    const initial = await oauthBearer("user@example.com", tokens, {
      host: "server.example.com",
      port: 143,
      signal,
    }).initial();
    expect(initial?.toString()).toBe(
      "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01",
    );
  });

  it.each([
    ["XOAUTH2", "", (tokens: ReturnType<typeof secret>) => xoauth2("u", tokens, signal)],
    [
      "OAUTHBEARER",
      "\x01",
      (tokens: ReturnType<typeof secret>) => oauthBearer("u", tokens, { host: "h", port: 1, signal }),
    ],
  ])("answers a complaint, keeps its words and drops the token (%s)", async (_name, answer, make) => {
    const tokens = secret();
    const mechanism = make(tokens);
    await mechanism.initial();
    const challenge = Buffer.from('{"status":"401","schemes":"bearer","scope":"https://mail.example/\\r\\n"}');
    expect((await mechanism.respond(challenge)).toString()).toBe(answer);
    expect(mechanism.complaint).toBe("401, https://mail.example/");
    expect(tokens.calls.invalidated).toBe(1);
    expect(() => mechanism.finish()).toThrow(SaslError);
    await expect(mechanism.respond(challenge)).rejects.toThrow(SaslError);
  });

  it("keeps a complaint that is no JSON on one line", async () => {
    const mechanism = xoauth2("u", secret(), signal);
    await mechanism.initial();
    await mechanism.respond(Buffer.from("no\r\nway"));
    expect(mechanism.complaint).toBe("no way");
  });

  it("refuses a token or user that would break the message apart", async () => {
    const bad = { ...secret(), token: () => Promise.resolve("a\x01b") };
    await expect(xoauth2("u", bad, signal).initial()).rejects.toThrow(SaslError);
    await expect(xoauth2("u\x01auth=x", secret(), signal).initial()).rejects.toThrow(SaslError);
  });
});

describe("the choice", () => {
  const password: SaslCredentials = { user: "u", secret: { kind: "password", read: says("p") } };
  const oauth: SaslCredentials = {
    user: "u",
    secret: { kind: "oauth", token: () => Promise.resolve("t"), invalidate() {} },
  };
  const all = ["login", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "NTLM"];
  const choose = (offered: readonly string[], credentials: SaslCredentials, choice: Partial<SaslChoice> = {}) => {
    const result = chooseMechanism(offered, credentials, {
      secured: true,
      mode: "implicit",
      configured: "auto",
      randomBytes,
      host: "mail.example",
      port: 995,
      signal,
      ...choice,
    });
    return result.kind === "mechanism" ? result.mechanism.name : result.why;
  };

  it("takes the strongest that is offered", () => {
    const order = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"];
    for (let from = 0; from < order.length; from++) {
      const offered = [
        ...order
          .slice(from)
          .toReversed()
          .map((name) => name.toLowerCase()),
        "NTLM",
      ];
      expect(choose(offered, password)).toBe(order[from]);
    }
    expect(choose([], password)).toMatch(/none/u);
  });

  it("takes the password itself over TLS where that is preferred, and never for that reason in the clear", () => {
    expect(choose(all, password, { overTls: "password" })).toBe("PLAIN");
    expect(choose(["CRAM-MD5", "LOGIN"], password, { overTls: "password" })).toBe("LOGIN");
    expect(choose(["CRAM-MD5", "SCRAM-SHA-1"], password, { overTls: "password" })).toBe("SCRAM-SHA-1");
    expect(choose(all, password, { overTls: "password", secured: false, mode: "off" })).toBe("SCRAM-SHA-256");
    expect(choose(all, oauth, { overTls: "password" })).toBe("XOAUTH2");
    expect(choose([], oauth, { overTls: "password" })).toBe("XOAUTH2");
  });

  it("never shows the secret on an unsecured connection, whatever is offered", () => {
    const mode = fc.constantFrom("off" as const, "starttls" as const, "implicit" as const, "opportunistic" as const);
    fc.assert(
      fc.property(fc.subarray(all), mode, fc.constantFrom(password, oauth), (offered, mode, credentials) => {
        expect(["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"]).not.toContain(
          choose(offered, credentials, { secured: false, mode }),
        );
      }),
    );
    for (const configured of ["PLAIN", "LOGIN"])
      for (const mode of ["starttls", "implicit", "opportunistic"] as const)
        expect(choose(all, password, { secured: false, mode, configured })).toMatch(/not encrypted/u);
    expect(choose(all, oauth, { secured: false, mode: "starttls", configured: "XOAUTH2" })).toMatch(/not encrypted/u);
  });

  it("shows it in the clear where TLS is off and the mechanism is named", () => {
    expect(choose([], password, { secured: false, mode: "off", configured: "plain" })).toBe("PLAIN");
    expect(choose(all, password, { secured: false, mode: "off" })).toBe("SCRAM-SHA-256");
    expect(choose(["CRAM-MD5", "PLAIN"], password, { secured: false, mode: "off" })).toBe("CRAM-MD5");
  });

  it("uses a named mechanism although the server does not announce it", () => {
    expect(choose([], password, { configured: "LOGIN" })).toBe("LOGIN");
    expect(choose(all, password, { configured: "NTLM" })).toMatch(/not a SASL mechanism/u);
    expect(choose(all, password, { configured: "XOAUTH2" })).toMatch(/does not go with a password/u);
  });

  it("never sends an OAuth account through a password mechanism", () => {
    expect(choose(all, oauth)).toBe("XOAUTH2");
    expect(choose(["PLAIN", "OAUTHBEARER"], oauth)).toBe("OAUTHBEARER");
    expect(choose(["PLAIN"], oauth)).toBe("XOAUTH2");
    expect(choose(all, oauth, { configured: "PLAIN" })).toMatch(/does not go with an OAuth token/u);
  });
});
