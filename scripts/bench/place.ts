/** Where the measurements of inbound mail happen: a real Dovecot with a box for each program, and the target. */
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { makeCertificates, type Certificates } from "../../spec/peer/support/certificates.ts";
import { startDovecot, type Dovecot } from "../../spec/peer/support/dovecot.ts";
import { makeWorkplace } from "../../spec/peer/support/program.ts";
import { boxOwner, fillBox, type MailSet } from "./mail-set.ts";
import { startSink, type Sink } from "./sink.ts";

export interface Place extends AsyncDisposable {
  readonly dir: string;
  readonly certificates: Certificates;
  readonly dovecot: Dovecot;
  readonly sink: Sink;
  /** Puts the first `count` messages of a set, or nothing, into somebody's box. */
  fill(user: string, set?: MailSet, count?: number): Promise<void>;
  /** A folder that is new. */
  folder(name: string): Promise<string>;
}

export const password = "geheim";

export async function openPlace(users: readonly string[]): Promise<Place> {
  const stack = new AsyncDisposableStack();
  const { dir } = stack.use(await makeWorkplace("bench"));
  const certificates = makeCertificates(dir);
  const boxOf = (user: string): string => path.join(dir, "boxes", user);
  for (const user of users) await fillBox(boxOf(user), undefined);
  const { cert, key } = certificates;
  const accounts = Object.fromEntries(users.map((user) => [user, { password, maildir: boxOf(user) }]));
  const dovecot = stack.use(await startDovecot({ dir, owner: boxOwner, cert, key, users: accounts }));
  const sink = stack.use(await startSink());
  return {
    dir,
    certificates,
    dovecot,
    sink,
    fill: async (user, set, count) => fillBox(boxOf(user), set, count),
    async folder(name) {
      const folder = path.join(dir, "runs", name);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      return folder;
    },
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  };
}
