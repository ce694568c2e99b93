/**
 * Writes `.removed-without-mail` into the state directory when every spool in it is known to hold no mail that is still to
 * be delivered: the list of its files, by which a later purge sees that nothing has changed since. Anything that cannot be
 * read, is damaged, in use (a daemon that nobody could stop) or looks like mail (an .eml of a rescue) leaves the mark
 * unwritten, and the purge keeps it all; the reason is printed. Ends with 0 either way: it is no reason not to remove.
 */
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { verifySpool } from "../../src/spool/verify.ts";

const [state = "/var/lib/popgate"] = process.argv.slice(2);
const mark = path.join(state, ".removed-without-mail");

function files(): readonly string[] {
  return readdirSync(state, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(state, path.join(entry.parentPath, entry.name)))
    .filter((name) => name !== path.basename(mark));
}

/** Why a purge must keep the directory; undefined when nothing in it is missed. */
async function whyKept(): Promise<string | undefined> {
  const rescued = files().find((name) => name.endsWith(".eml"));
  if (rescued !== undefined) return `${path.join(state, rescued)} looks like a rescued message`;
  for (const name of files().filter((each) => path.basename(each) === "data.mdb")) {
    const dir = path.join(state, path.dirname(name));
    const { messages, faults, remark } = await verifySpool(dir);
    if (messages > 0) return `messages in ${dir} that are not delivered: ${messages}`;
    if (faults.length > 0) return `${dir} is damaged, and what is in it is not known`;
    if (remark !== undefined) return `${dir}: ${remark}`;
  }
  return undefined;
}

function writeMark(): void {
  const lines = files().map((name) => {
    const { ino, size } = statSync(path.join(state, name));
    return `${name} ${ino} ${size}`;
  });
  const sorted = lines.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  writeFileSync(mark, `${sorted.join("\n")}\n`, { mode: 0o600 });
}

try {
  rmSync(mark, { force: true });
  const reason = await whyKept();
  if (reason === undefined) writeMark();
  else console.error(`popgate: a purge will keep ${state}: ${reason}`);
} catch (error) {
  rmSync(mark, { force: true });
  console.error(`popgate: a purge will keep ${state}: ${error instanceof Error ? error.message : String(error)}`);
}
