/**
 * The mixed load of a soak run, at a steady moderate rate: about one message a second in both directions, small ones and
 * now and then a large one, some for several recipients, some refused (which makes reports), a short storm of 4yz now and
 * then; an administrator's requests, a follower of the events, and the web page.
 */
import { setTimeout as after } from "node:timers/promises";
import { anyAnswer } from "../../src/cli/admin-client.ts";
import { targets } from "../torture/peers.ts";
import type { World } from "../torture/world.ts";

const second = 1000;
/** About 1 MB. */
const largeLines = 45_000;
const stormMs = 3 * second;

export interface WebAccess {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** Goes on until the signal is aborted; rejects when something is refused that should not be. */
export async function load(world: World, web: WebAccess, signal: AbortSignal): Promise<void> {
  const page = new Page(web);
  await Promise.all([
    every(second, signal, async () => world.traffic(world.chance.whole(0, 1), world.chance.whole(0, 1))),
    every(60 * second, signal, async () => world.traffic(1, 1, { lines: largeLines })),
    every(90 * second, signal, async () => storm(world, signal)),
    every(5 * second, signal, async () => {
      await world.client.get(anyAnswer, "/v1/status");
      await world.client.get(anyAnswer, "/v1/messages", { limit: 50 });
    }),
    every(15 * second, signal, async () => {
      await world.client.get(anyAnswer, "/v1/explain", { q: "anna@firma.example" });
    }),
    every(120 * second, signal, async () => {
      await world.client.get(anyAnswer, "/v1/audit");
      await world.client.post(anyAnswer, "/v1/reload", {});
    }),
    every(300 * second, signal, async () => follow(world, 60 * second, signal)),
    every(600 * second, signal, async () => page.logIn()),
    every(10 * second, signal, async () => page.look()),
  ]);
}

/** What it takes is part of the pause. */
async function every(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    const pause = after(ms, undefined, { signal }).catch(() => undefined);
    await work();
    await pause;
  }
}

async function storm({ peers, chance }: World, signal: AbortSignal): Promise<void> {
  const target = peers.target(chance.pick([...targets]));
  target.set({ at: { rcpt: { do: "reply", line: "451 4.3.0 try again later" } } });
  await after(stormMs, undefined, { signal }).catch(() => undefined);
  target.set({ at: {} });
}

/** Listens to the events for a while. */
async function follow({ client }: World, ms: number, signal: AbortSignal): Promise<void> {
  const response = await client.open("/v1/events");
  response.on("error", () => undefined);
  response.resume();
  await after(ms, undefined, { signal }).catch(() => undefined);
  response.destroy();
}

/** A browser's requests. */
class Page {
  readonly #web: WebAccess;
  #cookie = "";

  constructor(web: WebAccess) {
    this.#web = web;
  }

  get #origin(): string {
    return `http://127.0.0.1:${this.#web.port}`;
  }

  async logIn(): Promise<void> {
    const { user, password } = this.#web;
    const response = await fetch(`${this.#origin}/web/login`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: this.#origin },
      body: JSON.stringify({ user, password }),
      signal: AbortSignal.timeout(30 * second),
    });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`the web page answers a login with ${response.status}`);
    this.#cookie = (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  }

  async look(): Promise<void> {
    if (this.#cookie === "") return;
    for (const path of ["/", "/web/session", "/v1/status"]) {
      const response = await fetch(`${this.#origin}${path}`, {
        headers: { cookie: this.#cookie },
        signal: AbortSignal.timeout(30 * second),
      });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`the web page answers ${path} with ${response.status}`);
    }
  }
}
