/**
 * `make bench`: how fast popgate is, beside other programs in the same run, and whether it meets the aims. Needs root, and
 * what `scripts/bench-install.sh` installs.
 *
 * BENCH=poll,loopback,… chooses scenarios; ROUNDS says how often each is repeated. Figures go to artefacts/bench as JSON
 * and Markdown; with --write the Markdown also goes into docs/performance.md, between its markers. Status 0 unless
 * something broke or mail was lost or doubled: an aim that is not met is a figure, not a failure.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bareReader, peers, popgate } from "./bench/collectors.ts";
import { userOf } from "./bench/drain.ts";
import { toMarkdown, type Section } from "./bench/figures.ts";
import { machine } from "./bench/machine.ts";
import { openPlace, type Place } from "./bench/place.ts";
import { loopback } from "./bench/scenario-loopback.ts";
import { memory } from "./bench/scenario-memory.ts";
import { million } from "./bench/scenario-million.ts";
import { outbound } from "./bench/scenario-outbound.ts";
import { poll } from "./bench/scenario-poll.ts";
import { rtt } from "./bench/scenario-rtt.ts";

const scenarios: Readonly<Record<string, (place: Place, rounds: number) => Promise<Section>>> = {
  loopback,
  rtt,
  poll,
  outbound,
  memory,
  million,
};

const root = fileURLToPath(new URL("..", import.meta.url));
const begin = "<!-- figures: begin -->";
const end = "<!-- figures: end -->";

const wanted = (process.env["BENCH"] ?? "").split(",").filter((name) => name !== "");
const rounds = Number(process.env["ROUNDS"] ?? "3");
const unknown = wanted.filter((name) => scenarios[name] === undefined);
if (unknown.length > 0)
  throw new TypeError(`BENCH: ${unknown.join(", ")}: there are ${Object.keys(scenarios).join(", ")}`);
if (!(rounds >= 1)) throw new TypeError("ROUNDS is not a number of rounds");

const sections: Section[] = [];
const begun = performance.now();
{
  await using place = await openPlace([popgate, bareReader, ...peers].map(userOf));
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    process.stderr.write(`bench: ${name}\n`);
    const since = performance.now();
    const section = await scenario(place, rounds);
    process.stderr.write(`bench: ${name} took ${((performance.now() - since) / 1000).toFixed(0)} s\n`);
    process.stdout.write(`${toMarkdown(section)}\n`);
    sections.push(section);
  }
}
const about = await machine();
const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
const report = [`Measured on ${about.date}: ${about.words}. The run took ${minutes} minutes.`, ""];
for (const section of sections) report.push(toMarkdown(section));
const markdown = report.join("\n");

const artefacts = path.join(root, "artefacts", "bench");
await mkdir(artefacts, { recursive: true });
await writeFile(path.join(artefacts, "bench.md"), markdown);
await writeFile(path.join(artefacts, "bench.json"), `${JSON.stringify({ ...about, sections }, undefined, 2)}\n`);
if (process.argv.includes("--write")) await writeInto(path.join(root, "docs", "performance.md"), markdown);

async function writeInto(file: string, figures: string): Promise<void> {
  const text = await readFile(file, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} lacks the markers ${begin} and ${end}`);
  await writeFile(file, `${text.slice(0, from + begin.length)}\n\n${figures}\n${text.slice(to)}`);
}
