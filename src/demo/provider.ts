/**
 * The demonstration's provider: a mail exchanger that puts everything for the company into one box, with the envelope
 * fields that Exim writes, and a POP3 server in front of that box.
 */
import { demoKey, type DemoMessage, type Storing } from "./messages.ts";
import { startPop3StandIn, type Pop3StandIn } from "./pop3-stand-in.ts";
import { relaxedKnobs } from "./smtp-stand-in-knobs.ts";
import type { ReceivedMessage } from "./received-message.ts";
import { startSmtpStandIn, type SmtpStandIn } from "./smtp-stand-in.ts";

export const boxUser = "sammel";
export const boxPassword = "demo-password";
const hostname = "mx.provider.example";

export interface DemoProvider extends AsyncDisposable {
  readonly pop3: Pop3StandIn;
  readonly smtp: SmtpStandIn;
}

export async function startProvider(messages: readonly DemoMessage[]): Promise<DemoProvider> {
  const storing = new Map(messages.map((message) => [message.key, message.storing]));
  const stack = new AsyncDisposableStack();
  const pop3 = stack.use(
    await startPop3StandIn({ accounts: [{ user: boxUser, password: boxPassword, messages: [] }] }),
  );
  const box = pop3.box(boxUser);
  const smtp = stack.use(
    await startSmtpStandIn({
      knobs: { ...relaxedKnobs, hostname },
      onMessage: (message) => {
        for (const copy of copies(message, storing.get(demoKey(message.raw) ?? "") ?? "one-copy")) box.add(copy);
      },
    }),
  );
  return { pop3, smtp, [Symbol.asyncDispose]: async () => stack.disposeAsync() };
}

/** What the provider stores of a message. */
function copies({ reversePath, recipients, raw, at }: ReceivedMessage, storing: Storing): Buffer[] {
  const date = new Date(at).toUTCString().replace("GMT", "+0000");
  const received =
    `Received: from sender.example ([192.0.2.25])\r\n\tby ${hostname} with esmtp (Exim 4.98)\r\n` +
    `\t(envelope-from <${reversePath}>)\r\n\tid 1demo-0000-0${recipients.length}`;
  const store = (fields: string, forWhom: string): Buffer =>
    Buffer.concat([Buffer.from(`${fields}${received}${forWhom};\r\n\t${date}\r\n`), raw]);
  const top = (whom: string): string =>
    `Return-path: <${reversePath}>\r\nEnvelope-to: ${whom}\r\nDelivery-date: ${date}\r\n`;
  // Exim names the recipient in its Received field only when there is one.
  const only = recipients.length === 1 ? `\r\n\tfor ${recipients[0] ?? ""}` : "";
  switch (storing) {
    case "one-copy":
      return [store(top(recipients.join(", ")), only)];
    case "copy-each":
      return recipients.map((recipient) => store(top(recipient), only));
    case "no-field":
      return [store(`Return-path: <${reversePath}>\r\nDelivery-date: ${date}\r\n`, "")];
  }
}
