/** `popgate raw ID > FILE`: the octets of a message, as stored or as they are handed over. Streams in bounded memory. */
import { pipeline } from "node:stream/promises";
import type { Asking } from "./asking.ts";
import { CommandError, exitStatus } from "./exit-status.ts";

export interface RawOptions {
  readonly rendered?: true;
  readonly force?: true;
}

/** Resolves with the exit status when the whole message has been written. */
export async function runRaw(id: string, options: RawOptions, { client, screen, around }: Asking): Promise<number> {
  if (screen.isTerminal && options.force !== true)
    throw new CommandError(
      exitStatus.refused,
      "a raw message can hold characters that steer a terminal: send it to a file (popgate raw ID > FILE), or say --force",
    );
  const query = options.rendered === true ? { rendered: "true" } : {};
  const response = await client.open(`/v1/messages/${encodeURIComponent(id)}/raw`, query);
  try {
    await pipeline(response, around.stdout, { end: false, signal: around.signal });
  } catch (error) {
    around.signal.throwIfAborted();
    throw new CommandError(exitStatus.failed, `${id} has not come whole: do not use what has been written`, {
      cause: error,
    });
  }
  return exitStatus.ok;
}
