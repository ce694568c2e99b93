/**
 * Writes `.removed-without-mail` into the state directory when every spool in it is known to hold no mail that is still to
 * be delivered: the list of its files, by which a later purge sees that nothing has changed since. Anything that cannot be
 * read, is damaged or looks like mail (an .eml of a rescue) leaves the mark unwritten, and the purge keeps it all.
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

async function isWithoutMail(): Promise<boolean> {
  if (files().some((name) => name.endsWith(".eml"))) return false;
  for (const name of files().filter((each) => path.basename(each) === "data.mdb")) {
    const { messages, faults, remark } = await verifySpool(path.join(state, path.dirname(name)));
    if (messages > 0 || faults.length > 0 || remark !== undefined) return false;
  }
  return true;
}

rmSync(mark, { force: true });
if (await isWithoutMail()) {
  const lines = files().map((name) => {
    const { ino, size } = statSync(path.join(state, name));
    return `${name} ${ino} ${size}`;
  });
  const sorted = lines.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  writeFileSync(mark, `${sorted.join("\n")}\n`, { mode: 0o600 });
}
