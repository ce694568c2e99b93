/** `popgate log`: what popgate tells, from now on, until Ctrl-C. What was told before is in the journal. */
import type { EventMessage } from "../admin/schemas.ts";
import { parseMessageId } from "../core/ids.ts";
import type { Asking } from "./asking.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import { styled, type Style } from "./screen.ts";
import { serverEvents } from "./server-events.ts";
import { clockText } from "./time-words.ts";

export interface LogOptions {
  readonly level: string;
  readonly message?: string;
  readonly account?: string;
}

const logLevels = ["debug", "info", "warn", "error"] as const;

const styles: Readonly<Record<EventMessage["level"], Style>> = {
  debug: "dim",
  info: "plain",
  warn: "warning",
  error: "bad",
};

/** Rejects when the daemon ends the stream; otherwise it goes on. */
export async function runLog(options: LogOptions, { client, screen, json }: Asking): Promise<number> {
  const stream = await client.open("/v1/events");
  const least = logLevels.findIndex((level) => level === options.level);
  const message = options.message === undefined ? undefined : (parseMessageId(options.message) ?? options.message);
  try {
    for await (const event of serverEvents(stream)) {
      if (logLevels.indexOf(event.level) < least) continue;
      if (message !== undefined && event.message !== message) continue;
      if (options.account !== undefined && event.account !== options.account) continue;
      if (json) screen.jsonLine(event);
      else screen.print(styled("dim", clockText(event.at)), " ", styled(styles[event.level], event.text));
      await screen.caughtUp();
    }
  } catch (error) {
    throw ended(error);
  } finally {
    stream.destroy();
  }
  throw ended(undefined);
}

function ended(cause: unknown): CommandError {
  return new CommandError(
    exitStatus.unreachable,
    "popgate has ended the connection: it was stopped, or we were too slow",
    {
      cause,
    },
  );
}
