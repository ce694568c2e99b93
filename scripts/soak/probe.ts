/**
 * Loaded into popgate by a soak run (`node --import`): how late its event loop was, one line of JSON for each interval, in
 * milliseconds. An instrument of the run, no part of the product; its timer keeps no process alive.
 */
import { appendFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const file = process.env["POPGATE_SOAK_PROBE"];
const everyMs = 10_000;
/** Of the histogram: delays below are not told apart. */
const resolution = 20;

if (file !== undefined && file !== "") {
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  // What is measured is the interval between two ticks: its length less the resolution is the delay.
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1_000_000 - resolution);
  setInterval(() => {
    const line = { p50: late(delay.percentile(50)), p99: late(delay.percentile(99)), max: late(delay.max) };
    appendFileSync(file, `${JSON.stringify(line)}\n`);
    delay.reset();
  }, everyMs).unref();
}
