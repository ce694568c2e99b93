/**
 * `make torture-planted`: who proves the proof? Copies of popgate's sources with a fault planted in each (acknowledged
 * before it is durable; deleted before it is durable; a recipient's state forgotten) go through the torture run, and each
 * must be convicted of what it does. Status 0 only then. A fault that can no longer be planted, since the sources have
 * changed, fails as well: then the text to look for has to be written anew.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

interface Planted {
  readonly name: string;
  readonly file: string;
  readonly changes: readonly (readonly [from: string, to: string])[];
  /** Faults that bring it to light. */
  readonly kinds: string;
  /** What it must be convicted of. */
  readonly crime: "lost" | "doubled";
}

/** So much later the mail is stored of which something else was said already. */
const lateMs = 2000;

const planted: readonly Planted[] = [
  {
    name: "250 before the commit",
    file: "src/outbound/receiver.ts",
    changes: [
      ["await using ingest = spool.begin();", "const ingest = spool.begin();"],
      [
        "const result = await ingest.commit(draft, undefined);",
        `setTimeout(() => void ingest.commit(draft, undefined).catch(() => undefined), ${lateMs});\n` +
          '  const result = { kind: "stored", record: { size: ingest.size } };',
      ],
    ],
    kinds: "kill right after a 250",
    crime: "lost",
  },
  {
    name: "DELE before the commit",
    file: "src/inbound/intake.ts",
    changes: [
      ["await using ingest = message.ingest;", "const ingest = message.ingest;"],
      [
        "  const result = guessesRecipients(guide().policy())",
        `  setTimeout(() => void ingest.commit(draft, { account, entry }).catch(() => undefined), ${lateMs});\n` +
          '  if (deletes) return "delete";\n' +
          "  const result = guessesRecipients(guide().policy())",
      ],
    ],
    kinds: "kill right after QUIT",
    crime: "lost",
  },
  {
    name: "who had it is forgotten when another recipient has not",
    file: "src/delivery/settle-outbound.ts",
    changes: [
      [
        "if (outcome === undefined) return recipient;",
        "if (outcome === undefined) return recipient;\n" +
          '    const some = results.some((one) => one.outcome.kind !== "delivered");\n' +
          '    if (some && outcome.kind === "delivered") return recipient;',
      ],
    ],
    // Refusals of single recipients are part of the ordinary mail.
    kinds: "stop",
    crime: "doubled",
  },
];

const root = path.join(import.meta.dirname, "..");
const faults = process.env["FAULTS"] ?? "12";
const patienceMs = 10 * 60_000;

process.exitCode = 0;
for (const one of planted) {
  const verdict = await tried(one);
  const isConvicted = verdict.status === 1 && verdict[one.crime] > 0;
  process.stdout.write(
    `${isConvicted ? "convicted" : "NOT CONVICTED"}: ${one.name} (lost ${verdict.lost}, doubled ${verdict.doubled})\n`,
  );
  if (!isConvicted) {
    process.stdout.write(verdict.output);
    process.exitCode = 1;
  }
}

interface Trial {
  readonly status: number | null;
  readonly lost: number;
  readonly doubled: number;
  readonly output: string;
}

async function tried({ file, changes, kinds }: Planted): Promise<Trial> {
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-planted-"));
  try {
    for (const name of ["src", "package.json"])
      await cp(path.join(root, name), path.join(dir, name), { recursive: true });
    await symlink(path.join(root, "node_modules"), path.join(dir, "node_modules"));
    const target = path.join(dir, file);
    await writeFile(target, changed(await readFile(target, "utf8"), changes, file));
    return await run({ FAULTS: faults, KINDS: kinds, POPGATE_MAIN: path.join(dir, "src", "main.ts") });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Each text must be there exactly once. */
function changed(source: string, changes: Planted["changes"], file: string): string {
  return changes.reduce((text, [from, to]) => {
    const parts = text.split(from);
    if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times, and not once: ${from}`);
    return parts.join(to);
  }, source);
}

async function run(environment: Readonly<Record<string, string>>): Promise<Trial> {
  const child = spawn(process.execPath, [path.join(root, "scripts", "torture.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
    timeout: patienceMs,
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  const [, lost, doubled] = /lost (\d+), doubled (\d+)/u.exec(output) ?? [];
  return { status: child.exitCode, lost: Number(lost ?? 0), doubled: Number(doubled ?? 0), output };
}
