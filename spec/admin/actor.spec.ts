/** Who asks over the socket is what they say, cleaned, and said to be only that. */
import { expect, it } from "vitest";
import { openInterface } from "./interface.ts";

async function actor(header: string | readonly string[] | undefined): Promise<string | undefined> {
  await using admin = await openInterface();
  await admin.post("/v1/reload", undefined, header === undefined ? {} : { "x-popgate-user": [header].flat() });
  return admin.events.of("admin")[0]?.by;
}

it.each([
  ["nobody", undefined, "local"],
  ["a name", "erika", "local:erika"],
  ["an empty one", "", "local"],
  ["spaces only", "   ", "local"],
  ["words", "Erika Müller", "local:ErikaMller"],
  ["a colour for the terminal", "\tred\x80\x9b31m", "local:red31m"],
  ["somebody who would be of the web page", "web:max", "local:web:max"],
  ["more than anybody is called", "e".repeat(500), `local:${"e".repeat(64)}`],
  ["two at once", ["erika", "max"], "local:erika,max"],
] as const)("%s", async (_name, header, expected) => {
  expect(await actor(header)).toBe(expected);
});
