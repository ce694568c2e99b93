import { describe, expect, test } from "vitest";
import type { PopgateEvent } from "../../src/core/events.ts";
import { openServiceNotify, type ServiceNotify } from "../../src/runtime/service-notify.ts";
import { ManualClock } from "../fakes/manual-clock.ts";

const socket = { NOTIFY_SOCKET: "/run/notify" };

function open(
  env: Readonly<Record<string, string>>,
  alive: () => Promise<string> = async () => Promise.resolve("0 queued"),
  send?: () => Promise<void>,
) {
  const sent: string[][] = [];
  const events: PopgateEvent[] = [];
  const clock = new ManualClock();
  const service: ServiceNotify = openServiceNotify({
    env,
    clock,
    events: { emit: (event) => void events.push(event) },
    alive,
    send: async (assignments) => {
      sent.push([...assignments]);
      await send?.();
    },
  });
  return { service, sent, events, clock, said: () => sent.flat() };
}

describe("what is told", () => {
  test("without a socket nothing is run and nothing waits", async () => {
    const { service, sent, clock } = open({});
    service.ready("takes mail");
    service.stopping("ends");
    await service[Symbol.asyncDispose]();
    expect(sent).toEqual([]);
    expect(clock.waits).toEqual([]);
  });

  test("ready, reloading with a time of the monotonic clock, ready, stopping: in this order", async () => {
    const { service, said } = open(socket);
    service.ready("takes mail");
    service.reloading();
    service.ready("takes mail");
    service.stopping("line one\nREADY=1");
    await service[Symbol.asyncDispose]();
    const told = said();
    expect(told.filter((each) => !each.startsWith("MONOTONIC_USEC="))).toEqual([
      "READY=1",
      "STATUS=takes mail",
      "RELOADING=1",
      "STATUS=reading the configuration again",
      "READY=1",
      "STATUS=takes mail",
      "STOPPING=1",
      "STATUS=line one READY=1",
    ]);
    const at = told.find((each) => each.startsWith("MONOTONIC_USEC="))?.slice("MONOTONIC_USEC=".length);
    expect(Number(at)).toBeLessThanOrEqual(performance.timeOrigin * 1000);
    expect(Number(at)).toBeGreaterThan(0);
  });

  test("a message that cannot be sent is told once, and the next is tried", async () => {
    const { service, sent, events } = open(socket, undefined, async () => Promise.reject(new Error("no such program")));
    service.ready("takes mail");
    service.stopping("ends");
    await service[Symbol.asyncDispose]();
    expect(sent).toHaveLength(2);
    expect(events).toEqual([{ kind: "service-notify-failed", detail: "no such program" }]);
  });
});

describe("the watchdog", () => {
  const env = { ...socket, WATCHDOG_USEC: "60000000" };

  test("hears of a program that lives at every half of its time, once that stands", async () => {
    const { service, clock, said } = open(env);
    await clock.advance(30_000);
    expect(said()).toEqual(["EXTEND_TIMEOUT_USEC=120000000"]);
    service.ready("takes mail");
    await clock.advance(60_000);
    expect(said().slice(1)).toEqual([
      "READY=1",
      "STATUS=takes mail",
      "WATCHDOG=1",
      "STATUS=0 queued",
      "WATCHDOG=1",
      "STATUS=0 queued",
    ]);
    await service[Symbol.asyncDispose]();
    expect(clock.waits).toEqual([]);
  });

  test("hears nothing while the spool fails, and again when it answers", async () => {
    let answer = async (): Promise<string> => Promise.reject(new Error("Input/output error"));
    const { service, clock, said } = open(env, async () => answer());
    service.ready("takes mail");
    await clock.advance(120_000);
    expect(said()).not.toContain("WATCHDOG=1");
    answer = async () => Promise.resolve("1 queued");
    await clock.advance(30_000);
    expect(said()).toContain("WATCHDOG=1");
    await service[Symbol.asyncDispose]();
  });

  test("hears nothing of a spool that does not answer, which does not keep the program from ending", async () => {
    const { service, clock, said } = open(env, async () => new Promise<string>(() => undefined));
    service.ready("takes mail");
    await clock.advance(600_000);
    expect(said()).toEqual(["READY=1", "STATUS=takes mail"]);
    await service[Symbol.asyncDispose]();
  });

  test("of another process, or none: only the start asks for time", async () => {
    for (const other of [{ ...env, WATCHDOG_PID: "1" }, { ...socket, WATCHDOG_USEC: "0" }, socket]) {
      const { service, clock, said } = open(other);
      await clock.advance(20_000);
      expect(said()).toEqual(["EXTEND_TIMEOUT_USEC=80000000"]);
      service.ready("takes mail");
      await clock.advance(600_000);
      expect(said()).not.toContain("WATCHDOG=1");
      expect(clock.waits).toEqual([]);
      await service[Symbol.asyncDispose]();
    }
  });
});
