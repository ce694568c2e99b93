/** The daemon's messages to systemd, sent by the real `systemd-notify` to a socket of the spec's own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PopgateEvent } from "../../src/core/events.ts";
import { openServiceNotify } from "../../src/runtime/service-notify.ts";
import { ManualClock } from "../fakes/manual-clock.ts";

/** Binds a datagram socket, prints what comes, and answers the barrier by closing what was passed to it. */
const manager = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    data, fds, _, _ = socket.recv_fds(s, 65536, 4)
    for fd in fds:
        os.close(fd)
    for line in data.decode().splitlines():
        print(line, flush=True)
`;

describe("by systemd-notify", () => {
  let dir: string;
  beforeEach(async () => void (dir = await mkdtemp(path.join(tmpdir(), "popgate-notify-"))));
  afterEach(async () => rm(dir, { recursive: true, force: true }));

  test("what is told arrives at the manager's socket", async () => {
    const at = path.join(dir, "notify");
    const child = spawn("python3", ["-c", manager, at], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const next = async (): Promise<unknown> => (await lines.next()).value;
      expect(await next()).toBe("bound");
      const failures: PopgateEvent[] = [];
      {
        await using service = openServiceNotify({
          env: { NOTIFY_SOCKET: at },
          clock: new ManualClock(),
          events: { emit: (event) => void failures.push(event) },
          alive: async () => Promise.resolve(""),
        });
        service.ready("takes mail");
        expect(await next()).toBe("READY=1");
        expect(await next()).toBe("STATUS=takes mail");
      }
      expect(failures).toEqual([]);
    } finally {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "close");
    }
  });

  test("a socket that is not there is told, not waited for", async () => {
    const failures: PopgateEvent[] = [];
    {
      await using service = openServiceNotify({
        env: { NOTIFY_SOCKET: path.join(dir, "nothing") },
        clock: new ManualClock(),
        events: { emit: (event) => void failures.push(event) },
        alive: async () => Promise.resolve(""),
      });
      service.ready("takes mail");
    }
    expect(failures).toMatchObject([{ kind: "service-notify-failed" }]);
  });
});
