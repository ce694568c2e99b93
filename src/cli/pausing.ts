/** `popgate pause NAME` and `popgate resume NAME`: an account that is polled, or a destination that mail is sent to. */
import * as schema from "../admin/schemas.ts";
import type { Asking } from "./asking.ts";
import { anyAnswer } from "./admin-client.ts";
import { CommandError, exitStatus } from "./exit-status.ts";

export interface PausingOptions {
  readonly account?: true;
  readonly destination?: true;
}

type Kind = "accounts" | "destinations";

const words = {
  pause: {
    accounts: "is not polled any more until it is resumed, over restarts too",
    destinations: "is sent nothing any more until it is resumed, over restarts too; its mail waits",
  },
  resume: { accounts: "is polled again", destinations: "is sent mail again" },
} as const;

/** An account, if there is one of this name; else a destination. Resolves with the exit status. */
export async function runPausing(
  verb: "pause" | "resume",
  name: string,
  options: PausingOptions,
  asking: Asking,
): Promise<number> {
  const { screen, json } = asking;
  for (const kind of kindsOf(options)) {
    if (!(await asked(`/v1/${kind}/${encodeURIComponent(name)}/${verb}`, asking))) continue;
    if (json) screen.json({ done: true });
    else screen.print(`${name} ${words[verb][kind]}`);
    return exitStatus.ok;
  }
  const { accounts, destinations } = await asking.client.get(schema.status, "/v1/status");
  const known = [...accounts, ...destinations].map((each) => each.name);
  throw new CommandError(
    exitStatus.notFound,
    `there is no account or destination ${name}; there are: ${known.length === 0 ? "none" : known.join(", ")}`,
  );
}

function kindsOf({ account, destination }: PausingOptions): readonly Kind[] {
  if (account === destination) return ["accounts", "destinations"];
  return account === true ? ["accounts"] : ["destinations"];
}

async function asked(path: string, { client }: Asking): Promise<boolean> {
  try {
    await client.post(anyAnswer, path, {});
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.status === exitStatus.notFound) return false;
    throw error;
  }
}
