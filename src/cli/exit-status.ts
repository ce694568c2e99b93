/**
 * With which status the commands end, for scripts and monitoring. `popgate help exit-codes` shows the same words.
 *
 * `run` without `--once` ends with 0, 1 or 2; `run --once` has statuses of its own (`app/once.ts`).
 */

export const exitStatus = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  findings: 5,
  unreachable: 7,
} as const;

export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus];

export const exitStatusHelp = `Exit status of the popgate commands

  0  done; nothing needs a person
  1  failed: popgate, the spool, or what it was asked to do; the message says why
  2  wrong use, or a configuration that is not good; nothing was done
  3  there is no such message, account or destination
  4  refused: it cannot be done in the present state, or not now
  5  there are findings: \`status\`, \`doctor\` or \`audit\` shows something that needs a person
  7  no running popgate answers at the admin socket

With several messages, the highest of 4, 3 and 0 that applies to one of them.

\`popgate run --once\` has statuses of its own:

  0  all drained and delivered     3  an account was not drained
  1  popgate failed                4  mail is queued for later
  2  bad configuration             5  mail is held
`;

/** Ends a command: the message is for the person who gave it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly status: ExitStatus;
  constructor(status: ExitStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
