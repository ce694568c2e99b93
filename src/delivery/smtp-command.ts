/**
 * Single commands on nodemailer's connection, for asking a server what it would take (MAIL, RCPT, RSET) without sending
 * anything. nodemailer hands out a way to send commands of one's own only to a handler of a login method; so a method is
 * made that logs in nowhere. It can be used at any time between transactions, whether or not there was a real login.
 */
import type SMTPConnection from "nodemailer/lib/smtp-connection";

/** No SASL mechanism has this name. */
const method = "POPGATE-COMMAND";

/** Sends one line; `done` gets the reply's text, whatever its code. */
export function sendCommand(
  connection: SMTPConnection,
  line: string,
  done: (error?: Error | null, response?: string) => void,
): void {
  let response: string | undefined;
  connection.customAuth.set(method, async (context) => {
    ({ response } = await context.sendCommand(line));
  });
  connection.login({ user: "", method }, (error) => done(error, response));
}
