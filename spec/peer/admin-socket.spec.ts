/** The admin socket as other programs and other users of the machine meet it: curl, and somebody who may not. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { Operations } from "../../src/admin/port.ts";
import * as schema from "../../src/admin/schemas.ts";
import { openInterface, someId, someMessage } from "../admin/interface.ts";

const kind: Partial<Operations> = {
  act: async (ids, { action }) => ids.map((id) => ({ id, kind: "done", detail: action, message: someMessage })),
  poll: async () => [{ account: "all", kind: "done", detail: "3 fetched" }],
};

it("is asked from the shell, with curl", async () => {
  const curl = promisify(execFile);
  await using admin = await openInterface(kind);
  const get = await curl("curl", ["-sS", "--unix-socket", admin.socket, "http://popgate/v1/status"]);
  expect(schema.status.parse(JSON.parse(get.stdout)).hostname).toBe("mail.firma.example");
  const post = await curl("curl", [
    "-sS",
    "--unix-socket",
    admin.socket,
    "-H",
    "content-type: application/json",
    "-d",
    '{"action":"retry"}',
    `http://popgate/v1/messages/${someId}/actions`,
  ]);
  expect(JSON.parse(post.stdout)).toMatchObject({ kind: "done", detail: "retry" });
  const poll = await curl("curl", ["-sS", "--unix-socket", admin.socket, "-X", "POST", "http://popgate/v1/poll"]);
  expect(JSON.parse(poll.stdout)).toEqual([{ account: "all", kind: "done", detail: "3 fetched" }]);
});

it("cannot be opened by others", async () => {
  if (process.getuid?.() !== 0)
    throw new Error("the peers' run must be root: this looks at the socket as another user");
  await using admin = await openInterface();
  chmodSync(path.dirname(admin.socket), 0o755);
  // Asynchronously: whoever connects is answered by this very process.
  // It becomes somebody else after its start, who may not be allowed into this directory.
  const code =
    'const net = require("net"); process.setgroups([]); process.setgid(65534); process.setuid(65534); net.connect(process.argv[1]).on("connect", () => process.exit(1)).on("error", (e) => console.log(e.code))';
  const nobody = spawn(process.execPath, ["-e", code, admin.socket], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const told = Array.fromAsync(nobody.stdout, String);
  await once(nobody, "exit");
  expect((await told).join("").trim()).toBe("EACCES");
});
