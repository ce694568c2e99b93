/** How the running daemon is found, and what is said when it is not. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import path from "node:path";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pauseAccount } from "../../src/cli/account-pause.ts";
import { Screen } from "../../src/cli/screen.ts";
import { adminSocketOf, defaultAdminSocket } from "../../src/config/admin-socket.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { openInterface } from "../admin/interface.ts";
import { withoutPrivileges } from "../fakes/unprivileged.ts";
import { TemporaryDirectory } from "../spool/support.ts";
import { Paper, typed } from "./console.ts";

let home: TemporaryDirectory;
let config: string;

beforeEach(() => {
  home = new TemporaryDirectory();
  config = path.join(home.path, "popgate.toml");
});
afterEach(() => home[Symbol.dispose]());

describe("the socket of a configuration", () => {
  test.each([
    ["named", '[admin]\nsocket = "/run/x.sock"\n', "/run/x.sock"],
    ["named, in a file that is otherwise bad", 'hostname = 3\n[admin]\nsocket = "/run/x.sock"\n', "/run/x.sock"],
    ["named, in a file with a broken line", 'what is this\n[admin]\nsocket = "/run/x.sock"\n', "/run/x.sock"],
    ["not named", 'hostname = "a.example"\n', defaultAdminSocket],
    ["no text", "[admin]\nsocket = 5\n", defaultAdminSocket],
    ["no table", "admin = 1979-05-27\n", defaultAdminSocket],
  ])("%s", async (_, text, socket) => {
    writeFileSync(config, text);
    expect(await adminSocketOf(config)).toBe(socket);
  });

  test("a relative one starts from the folder of the file, as the daemon has it", async () => {
    writeFileSync(config, '[admin]\nsocket = "run/x.sock"\n');
    expect(await adminSocketOf(config)).toBe(path.join(home.path, "run/x.sock"));
  });

  test("no file: the default", async () => {
    expect(await adminSocketOf(config)).toBe(defaultAdminSocket);
  });

  test("is where --config looks", async () => {
    await using daemon = await openInterface();
    writeFileSync(config, `[admin]\nsocket = ${JSON.stringify(daemon.socket)}\n`);
    expect(await typed(["queue", "--config", config])).toMatchObject({ code: 0, stdout: "no message waits\n" });
  });
});

describe("nobody answers: status 7, and what to do", () => {
  const commands = [
    ["status"],
    ["queue"],
    ["show", "X"],
    ["explain", "X"],
    ["raw", "X"],
    ["retry", "X"],
    ["hold", "X"],
    ["release", "X"],
    ["redirect", "X", "--to", "a@b.example"],
    ["drop", "X", "--yes"],
    ["poll"],
    ["pause", "X"],
    ["resume", "X"],
    ["log"],
    ["backup", "X"],
    ["reload"],
    ["audit"],
  ];

  test.each(commands)("%s", async (...args) => {
    const socket = path.join(home.path, "none.sock");
    const { code, stdout, stderr } = await typed([...args, "--socket", socket]);
    expect({ code, stdout }).toEqual({ code: 7, stdout: "" });
    expect(stderr).toContain(`popgate is not running: nobody answers at ${socket}.\n`);
    expect(stderr).toContain("systemctl start popgate");
  });

  test("a file that is no socket", async () => {
    const socket = path.join(home.path, "file");
    writeFileSync(socket, "");
    const { code, stderr } = await typed(["status", "--socket", socket]);
    expect(code).toBe(7);
    expect(stderr).toContain(socket);
  });

  test("a socket that one may not open says so", async () => {
    await using daemon = await openInterface();
    chmodSync(path.dirname(daemon.socket), 0o755);
    chmodSync(daemon.socket, 0);
    // Loads all that the command needs: a checkout may lie where nobody but its owner can read.
    expect((await typed(["status", "--socket", path.join(home.path, "none.sock")])).code).toBe(7);
    const { code, stderr } = await withoutPrivileges(async () => typed(["status", "--socket", daemon.socket]));
    expect(code).toBe(7);
    expect(stderr).toContain("you may not open");
  });

  test.each([
    ["ends the connection", ""],
    ["speaks another protocol", "220 mail.example ESMTP\r\n"],
    ["breaks off in the answer", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"],
    ["answers with no JSON", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{"],
    ["fails without words", "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 2\r\n\r\n{}"],
  ])("who answers %s: words and no stack", async (_, answer) => {
    await using other = await answering(path.join(home.path, "other.sock"), answer);
    const { code, stdout, stderr } = await typed(["status", "--socket", other.socket]);
    expect([1, 7]).toContain(code);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^popgate: .+\n$/u);
  });
});

describe("somebody answers, but not as a daemon does: it may be running all the same", () => {
  test("held mail is not decided beside it", async () => {
    await using other = await answering(path.join(home.path, "other.sock"), "");
    writeFileSync(config, `[admin]\nsocket = ${JSON.stringify(other.socket)}\n`);
    const { code, stdout, stderr } = await typed(["resolve", "--config", config]);
    expect({ code, stdout }).toEqual({ code: 7, stdout: "" });
    expect(stderr).toContain("popgate has not answered at");
  });

  test("an account does not count as left alone", async () => {
    await using other = await answering(path.join(home.path, "other.sock"), "");
    const { signal } = new AbortController();
    const around = { socket: other.socket, user: "anna", clock: systemClock, aside: new Screen(new Paper(), {}) };
    await expect(pauseAccount("box", around, signal)).rejects.toMatchObject({ name: "CommandError", status: 7 });
  });

  test("where nobody listens there is nothing to pause", async () => {
    const { signal } = new AbortController();
    const socket = path.join(home.path, "none.sock");
    const paper = new Paper();
    await using _paused = await pauseAccount(
      "box",
      { socket, user: "anna", clock: systemClock, aside: new Screen(paper, {}) },
      signal,
    );
    expect(paper.text).toBe("");
  });
});

async function answering(socket: string, answer: string): Promise<AsyncDisposable & { readonly socket: string }> {
  mkdirSync(path.dirname(socket), { recursive: true });
  const server: Server = createServer((connection) => {
    connection.on("error", () => undefined);
    connection.once("data", () => connection.end(answer));
  });
  server.listen(socket);
  await once(server, "listening");
  return {
    socket,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}
