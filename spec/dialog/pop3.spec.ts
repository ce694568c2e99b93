/** Every file of `pop3/` is a dialogue with a server that once puzzled somebody; the real client must come through it. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parseDialogue, playServer } from "./dialogue.ts";
import { act } from "./outcome.ts";

const folder = path.join(import.meta.dirname, "pop3");

describe("POP3 dialogues", () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  it.each(files)("%s", async (file) => {
    const dialogue = parseDialogue(readFileSync(path.join(folder, file), "utf8"));
    expect(dialogue.title).not.toBe("");
    expect(dialogue.expected).not.toEqual([]);
    await using server = await playServer(dialogue);
    const outcome = await act(dialogue.settings, server.port);
    await server.done;
    expect(server.complaints).toEqual([]);
    expect(server.connections).toBe(dialogue.connections.length);
    expect(outcome.map((line, index) => shortened(line, dialogue.expected[index]))).toEqual(dialogue.expected);
  });
});

/** `error auth` in a file stands for any words behind it. */
function shortened(line: string, expected: string | undefined): string {
  return expected !== undefined && /^error [\w-]+$/u.test(expected) && line.startsWith(`${expected}:`)
    ? expected
    : line;
}
