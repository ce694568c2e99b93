/**
 * fetchmail and popgate where each segment is acknowledged at once. fetchmail leaves Nagle's algorithm on, so that
 * with a target that delays its acknowledgements, as most systems do, it waits for them; what it can do without that wait
 * must be seen as well.
 *
 * Node cannot set TCP_QUICKACK, but a route can. So that the machine's own routes stay as they are, the runs
 * (`quick-ack-process.ts`) have a network of their own, which ends with them, as does every process in it.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { fetchmail, popgate } from "./collectors.ts";
import { rate, typical } from "./drain.ts";
import { round } from "./figures.ts";
import { runMeasured } from "./measured-run.ts";
import type { Place } from "./place.ts";
import { readDrains } from "./quick-ack-drains.ts";
import { tableOf, type Measured } from "./turns.ts";

const timeoutMs = 900_000;
const network = `ip link set lo up
for what in 127.0.0.0/8 127.0.0.1; do
	ip route change local $what dev lo table local proto kernel scope host src 127.0.0.1 quickack 1
done
exec "$@"`;

export interface AtOnce {
  /** For the table of the messages of 8 kB. */
  readonly rows: readonly (readonly string[])[];
  readonly words: string;
  readonly figures: unknown;
}

export async function atOnce(place: Place, rounds: number, count: number): Promise<AtOnce> {
  const dir = await place.folder("quick-ack");
  const script = fileURLToPath(new URL("./quick-ack-process.ts", import.meta.url));
  const result = path.join(dir, "drains.json");
  const own = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const inside = [process.execPath, script, result, String(rounds), String(count)];
  await runMeasured(
    dir,
    "quick-ack",
    { command: "/usr/bin/unshare", args: [...own, "sh", "-euc", network, "sh", ...inside], env: { TMPDIR: dir } },
    timeoutMs,
  );
  const drains = readDrains(await readFile(result, "utf8"));
  const measured: Measured = new Map([
    [popgate, drains.popgate],
    [fetchmail, drains.fetchmail],
  ]);
  const times = rate(typical(drains.popgate)) / rate(typical(drains.fetchmail));
  return {
    rows: tableOf("", measured).rows.map(([name = "", ...rest]) => [`${name}, acknowledgements at once`, ...rest]),
    words: `against fetchmail where acknowledgements come at once: ${round(times)} times`,
    figures: drains,
  };
}
