/** The targets of `make fuzz`, each with the sources whose branches are counted. What they are is in `targets/`. */
import { pathToFileURL } from "node:url";
import path from "node:path";
import { corpusFolder, type Target } from "./target.ts";

const root = path.join(import.meta.dirname, "..", "..");

/** By the name of the file in `targets/`: beginnings of paths. */
export const counted: Readonly<Record<string, readonly string[]>> = {
  "pop3-reply": ["src/pop3/"],
  header: ["src/message/"],
  envelope: ["src/message/", "src/core/address.ts"],
  "address-list": ["src/message/address-list.ts", "src/core/address.ts"],
  received: ["src/message/received.ts", "src/message/trace.ts", "src/message/address-list.ts", "src/core/address.ts"],
  words: ["src/message/"],
  config: ["src/config/"],
  admin: ["src/admin/"],
  "smtp-command": ["src/outbound/", "src/core/address.ts"],
  "smtp-session": ["src/outbound/"],
  "smtp-data": ["src/outbound/smtp-data-scanner.ts"],
  migrate: ["src/migrate/"],
};

/** `control-*` are not of the program: they have faults planted, which have to be found (`spec/fuzz`). */
export function countedBy(name: string): string[] {
  const beginnings = /^control-[a-z]+$/u.test(name) ? [`scripts/fuzz/targets/${name}.ts`] : counted[name];
  if (beginnings === undefined) throw new TypeError(`there is no target ${name}`);
  return beginnings.map((beginning) => pathToFileURL(path.join(root, beginning)).href);
}

/** To be called after counting has started. */
export async function loadTarget(name: string): Promise<Target> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what each file of the folder exports
  const { target } = (await import(pathToFileURL(path.join(import.meta.dirname, "targets", `${name}.ts`)).href)) as {
    readonly target: Target;
  };
  return target;
}

/** What is kept of a target: the covering inputs, and those that once showed a fault. */
export function keptFiles(name: string): { readonly covering: string; readonly found: string } {
  const folder = corpusFolder(`fuzz/${name}`);
  return { covering: path.join(folder, "covering.jsonl"), found: path.join(folder, "found.jsonl") };
}

/** Where a run leaves its corpus for the next one. */
export function workingFile(name: string): string {
  return path.join(root, "artefacts", "fuzz", `${name}.jsonl`);
}
