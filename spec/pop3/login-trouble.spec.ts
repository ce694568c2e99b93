/** Logins that go wrong on our side or in the middle: tokens, password files, servers that do not come to an end. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Pop3Error, type Capabilities } from "../../src/pop3/port.ts";
import type { Pop3Options } from "../../src/pop3/options.ts";
import { client, knownGood, never } from "./stand-in-client.ts";

type Answers = Readonly<Record<string, string | readonly string[]>>;

/** Answers each line by its first word, one after another where there are several; keeps what was said. */
async function serve(answers: Answers): Promise<{ readonly port: number; readonly said: string[] }> {
  const said: string[] = [];
  const left = new Map(Object.entries(answers).map(([verb, given]) => [verb, [given].flat()]));
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.write("+OK ready\r\n");
    socket.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString().split("\r\n").slice(0, -1)) {
        said.push(line);
        const given = left.get(line.split(" ")[0] ?? "") ?? left.get("*other") ?? [];
        const answer = given.length > 1 ? given.shift() : given[0];
        socket.write(`${answer ?? "+OK"}\r\n`);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, said };
}

function token(read: () => Promise<string>): Pop3Options["credentials"] {
  return { user: "tester", secret: { kind: "oauth", token: read, invalidate: () => undefined } };
}

const announcing = (...sasl: readonly string[]): Capabilities => ({ ...knownGood, pipelining: false, sasl });

async function failure(outcome: Promise<unknown>): Promise<unknown> {
  try {
    await outcome;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

describe("a token", () => {
  it("that is too long for one line goes in a line of its own", async () => {
    const { port, said } = await serve({ AUTH: "+ ", "*other": "+OK" });
    const options = { auth: "oauthbearer", credentials: token(async () => "t".repeat(300)) };
    await using box = await client(port, options)(never, announcing("OAUTHBEARER"));
    expect(said[0]).toBe("AUTH OAUTHBEARER");
    expect(Buffer.from(said[1] ?? "", "base64").toString()).toContain(`auth=Bearer ${"t".repeat(300)}`);
    expect(box.window).toBe(1);
  });

  it("that fits goes along with AUTH", async () => {
    const { port, said } = await serve({ AUTH: "+OK" });
    const options = { auth: "oauthbearer", credentials: token(async () => "t") };
    await using box = await client(port, options)(never, announcing("OAUTHBEARER"));
    expect(said[0]).toMatch(/^AUTH OAUTHBEARER [A-Za-z0-9+/=]+$/u);
    expect(box.window).toBe(1);
  });

  it("that comes after we were stopped is not sent", async () => {
    const { port, said } = await serve({});
    const stop = new AbortController();
    const credentials = token(async () => {
      stop.abort("stop");
      return "t";
    });
    const error = await failure(client(port, { auth: "xoauth2", credentials })(stop.signal, announcing("XOAUTH2")));
    expect(error).toMatchObject({ kind: "aborted" });
    expect(said.filter((line) => line.startsWith("AUTH"))).toEqual([]);
  });

  it("cannot be used for USER", async () => {
    const { port, said } = await serve({});
    const options = { auth: "user", credentials: token(async () => "t") };
    expect(await failure(client(port, options)(never, knownGood))).toMatchObject({ kind: "permanent" });
    expect(said).toEqual([]);
  });
});

describe("a password", () => {
  it("that cannot be read is our trouble, and is told as it is", async () => {
    const { port } = await serve({ AUTH: "+ PDEuMkBob3N0Pg==" });
    const gone = new Error("the file of the password is gone");
    const secret = { kind: "password" as const, read: () => Promise.reject(gone) };
    const options = { auth: "cram-md5", credentials: { user: "tester", secret } };
    expect(await failure(client(port, options)(never, announcing("CRAM-MD5")))).toBe(gone);
  });
});

describe("a server", () => {
  it("that refuses the name while the password is on its way", async () => {
    const { port } = await serve({ USER: "-ERR no such user", PASS: "-ERR out of order", STAT: "-ERR log in first" });
    const error = await failure(client(port)(never, knownGood));
    expect(error).toBeInstanceOf(Pop3Error);
    expect(error).toMatchObject({ kind: "auth", message: "the server refused USER: no such user" });
  });

  it("that goes on with a complaint: its words are told, and the credentials are in doubt", async () => {
    const complaint = Buffer.from('{"status":"400"}').toString("base64");
    const { port, said } = await serve({ AUTH: "+ ", "*": "-ERR cancelled", "*other": [`+ ${complaint}`, "+ more"] });
    const options = { auth: "xoauth2", credentials: token(async () => "t") };
    const error = await failure(client(port, options)(never, announcing("XOAUTH2")));
    expect(error).toMatchObject({ kind: "auth" });
    expect((error as Error).message).toContain("400");
    expect(said.at(-1)).toBe("*");
  });

  it("that lists nothing, neither by LIST nor by UIDL", async () => {
    const { port } = await serve({ STAT: "+OK 2 20", LIST: "-ERR [SYS/TEMP] index locked", UIDL: "-ERR" });
    await using box = await client(port, { needUidl: false })(never, announcing());
    expect(await failure(box.list())).toMatchObject({ kind: "temporary", reply: "[SYS/TEMP] index locked" });
  });
});
