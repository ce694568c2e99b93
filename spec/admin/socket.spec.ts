/** The Unix socket: who may open it, what is removed to make room for it, and what is not. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { expect, it } from "vitest";
import type { FastifyInstance } from "fastify";
import { actorOf } from "../../src/admin/actor.ts";
import { createAdminServer } from "../../src/admin/server.ts";
import { AdminSocketError, listenOnSocket } from "../../src/admin/socket.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { EventList, TemporaryDirectory } from "../spool/support.ts";
import { fakeOperations } from "./interface.ts";

function newServer(): FastifyInstance {
  const ports = { clock: new ManualClock(), events: new EventList() };
  return createAdminServer(fakeOperations(), { version: "1.2.3", actorOf }, ports);
}

function statusOver(socketPath: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path: "/healthz", agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).once("error", reject);
  });
}

it("is for owner and group alone, from the first moment on", async () => {
  using dir = new TemporaryDirectory();
  const file = path.join(dir.path, "admin.sock");
  const server = newServer();
  const atOnce: number[] = [];
  server.server.once("listening", () => atOnce.push(lstatSync(file).mode & 0o777));
  const before = process.umask(0);
  try {
    await using _listening = await listenOnSocket(server, file);
    expect(atOnce.map((mode) => mode & 0o007)).toEqual([0]);
    expect(lstatSync(file).mode & 0o777).toBe(0o660);
    expect(process.umask()).toBe(0);
  } finally {
    process.umask(before);
  }
});

it("makes its directory, for owner and group", async () => {
  using dir = new TemporaryDirectory();
  const file = path.join(dir.path, "run", "popgate", "admin.sock");
  await using _listening = await listenOnSocket(newServer(), file);
  expect(statSync(path.dirname(file)).mode & 0o007).toBe(0);
  expect(await statusOver(file)).toBe(200);
});

it("takes the place of a socket that a killed process has left", async () => {
  using dir = new TemporaryDirectory();
  const file = path.join(dir.path, "admin.sock");
  const killed = spawnSync(process.execPath, [
    "-e",
    'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))',
    file,
  ]);
  expect(killed.signal).toBe("SIGKILL");
  expect(lstatSync(file).isSocket()).toBe(true);
  await using _listening = await listenOnSocket(newServer(), file);
  expect(await statusOver(file)).toBe(200);
});

it("does not take a socket from a program that answers on it", async () => {
  using dir = new TemporaryDirectory();
  const file = path.join(dir.path, "admin.sock");
  await using _first = await listenOnSocket(newServer(), file);
  const second = listenOnSocket(newServer(), file);
  await expect(second).rejects.toThrow(AdminSocketError);
  await expect(second).rejects.toThrow(`${file} is in use: another popgate is running`);
  expect(await statusOver(file)).toBe(200);
});

it("nor from one that is too busy to answer", async () => {
  using dir = new TemporaryDirectory();
  const file = path.join(dir.path, "admin.sock");
  // It listens with a short queue and accepts nobody.
  const code =
    'require("net").createServer().listen({ path: process.argv[1], backlog: 1 }, () => ' +
    '(require("fs").writeSync(1, "listening"), Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)))';
  const busy = spawn(process.execPath, ["-e", code, file], { stdio: ["ignore", "pipe", "inherit"] });
  const waiting: Socket[] = [];
  try {
    await once(busy.stdout, "data");
    const codes = new Set<unknown>();
    while (!codes.has("EAGAIN")) {
      const socket = connect(file);
      waiting.push(socket);
      codes.add(
        await new Promise((resolve) => {
          socket.once("connect", () => resolve("connected"));
          socket.once("error", (error) => resolve(Reflect.get(error, "code")));
        }),
      );
    }
    await expect(listenOnSocket(newServer(), file)).rejects.toThrow("is in use");
    expect(lstatSync(file).isSocket()).toBe(true);
  } finally {
    for (const socket of waiting) socket.destroy();
    busy.kill("SIGKILL");
    await once(busy, "exit");
  }
});

it.each([
  ["a file", (file: string) => writeFileSync(file, "precious")],
  ["a link, wherever it leads", (file: string) => symlinkSync("/nowhere", file)],
])("does not remove %s", async (_name, put) => {
  using dir = new TemporaryDirectory();
  const file = path.join(dir.path, "admin.sock");
  put(file);
  const before = lstatSync(file).ino;
  await expect(listenOnSocket(newServer(), file)).rejects.toThrow("is not a socket: remove it, or set admin.socket");
  expect(lstatSync(file).ino).toBe(before);
  if (lstatSync(file).isFile()) expect(readFileSync(file, "utf8")).toBe("precious");
});

it.each([
  [
    "a directory that cannot be made",
    (dir: string) => (writeFileSync(`${dir}/x`, ""), `${dir}/x/admin.sock`),
    "cannot make",
  ],
  ["a path longer than the system takes", (dir: string) => `${dir}/${"x".repeat(100)}`, "is too long for a socket"],
])("says what is wrong with %s", async (_name, prepare, words) => {
  using dir = new TemporaryDirectory();
  const file = prepare(dir.path);
  const listening = listenOnSocket(newServer(), file);
  await expect(listening).rejects.toThrow(AdminSocketError);
  await expect(listening).rejects.toThrow(words);
});

it("says so when it may not be made there", async () => {
  // Root may write everywhere, but not into /proc.
  const listening = listenOnSocket(newServer(), "/proc/popgate.sock");
  await expect(listening).rejects.toThrow(AdminSocketError);
  await expect(listening).rejects.toThrow("cannot listen on /proc/popgate.sock");
});

it("removes the socket when it is disposed", async () => {
  using dir = new TemporaryDirectory();
  const file = path.join(dir.path, "admin.sock");
  const listening = await listenOnSocket(newServer(), file);
  await listening[Symbol.asyncDispose]();
  expect(existsSync(file)).toBe(false);
  await expect(statusOver(file)).rejects.toThrow("ENOENT");
});
