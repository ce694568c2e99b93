/** The SMTP stand-in and raw clients of it, closed when the spec ends. */
import { afterEach, expect } from "vitest";
import type { SmtpStandInKnobs } from "../../src/demo/smtp-stand-in-knobs.ts";
import { startSmtpStandIn, type SmtpStandIn, type SmtpStandInOptions } from "../../src/demo/smtp-stand-in.ts";
import { LineClient } from "./line-client.ts";

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

/** A stand-in with these knobs, and a way to it. */
export async function start(
  knobs: Partial<SmtpStandInKnobs>,
  options: Omit<SmtpStandInOptions, "knobs"> = {},
): Promise<{ server: SmtpStandIn; open: () => Promise<LineClient> }> {
  const server = stack.use(await startSmtpStandIn({ ...options, knobs }));
  const open = async (): Promise<LineClient> => stack.use(await LineClient.open(server.port, options.tls?.implicit));
  return { server, open };
}

/** A client that has been greeted and has said EHLO. */
export async function greeted(
  knobs: Partial<SmtpStandInKnobs>,
  options: Omit<SmtpStandInOptions, "knobs"> = {},
): Promise<{ server: SmtpStandIn; open: () => Promise<LineClient>; client: LineClient; offers: readonly string[] }> {
  const { server, open } = await start(knobs, options);
  const client = await open();
  expect(await client.reply()).toMatch(/^220 /u);
  client.write("EHLO me\r\n");
  return { server, open, client, offers: (await client.lines()).slice(1).map((line) => line.slice(4)) };
}

/** MAIL, RCPT and DATA. */
export async function toData(client: LineClient, ...recipients: readonly string[]): Promise<void> {
  expect(await client.say("MAIL FROM:<a@x.example>")).toBe("250 2.1.0");
  for (const recipient of recipients) await client.say(`RCPT TO:<${recipient}>`);
  expect(await client.say("DATA")).toBe("354");
}
