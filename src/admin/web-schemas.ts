/** What travels between the web page and its own paths (`/web/…`), beside the admin interface's schemas. */
import { z } from "zod";

/** Names and passwords longer than this are nobody's (`web-login.ts` compares no more of them either). */
const longest = 1024;

export const webLogin = z.strictObject({
  user: z.string().min(1).max(longest),
  password: z.string().min(1).max(longest),
});

const webSession = z.strictObject({
  user: z.string(),
  csrf: z.string().describe("Goes into the header `x-popgate-csrf` of every write."),
  idleMs: z.int().describe("Without a request for so long, the session ends."),
  until: z.int().describe("Epoch milliseconds; it ends then in any case."),
});

const webSource = z.strictObject({
  text: z.string().describe("To be shown as text; what is not UTF-8 is shown as U+FFFD."),
  truncated: z.boolean().describe("There is more: download the message."),
});

export type WebSession = z.output<typeof webSession>;
export type WebSource = z.output<typeof webSource>;
