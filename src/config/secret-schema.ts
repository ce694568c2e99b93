/** How a secret is written: the text itself, or where it is kept. `secret.ts` reads it. */
import { z } from "zod";
import { duration, line } from "./scalars.ts";

const places = ["file", "env", "command", "credential"] as const;

const secretTable = z
  .strictObject({
    file: line().optional().describe("A file with nothing else in it, readable by its owner only."),
    env: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/u, "it is not the name of an environment variable")
      .optional()
      .describe("An environment variable."),
    command: z
      .array(z.string())
      .min(1)
      .optional()
      .describe("A program and its arguments, which prints the secret. No shell is involved."),
    timeout: duration().prefault("10s").describe("How long `command` may take."),
    credential: z
      .string()
      .regex(/^[^/\x00]{1,255}$/u, "it is not the name of a credential")
      .optional()
      .describe("A credential that systemd hands to the service (LoadCredential=)."),
  })
  .superRefine((table, context) => {
    if (places.filter((place) => table[place] !== undefined).length === 1) return;
    const hint = 'Write, for example, { file = "/etc/popgate/secret" }';
    const message = "it must name exactly one of file, env, command and credential";
    context.addIssue({ code: "custom", message, params: { hint } });
  });

/** A secret as written. Text in the configuration itself is allowed, with a warning. */
export const secret = () => z.union([z.string().min(1), secretTable]);

export type RawSecret = z.output<ReturnType<typeof secret>>;
