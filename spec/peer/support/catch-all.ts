/** A catch-all box that a real Postfix fills and a real Dovecot serves: the provider of the longer runs. */
import path from "node:path";
import { makeCertificates, type Certificates } from "./certificates.ts";
import { startDovecot, type Dovecot } from "./dovecot.ts";
import { sendAll, type TestMail } from "./mail.ts";
import { countMaildir, maildirOwner, makeMaildir, type Owner } from "./maildir.ts";
import { startPostfix } from "./postfix.ts";
import { eventually, makeWorkplace } from "./program.ts";

export interface CatchAll extends AsyncDisposable {
  readonly dir: string;
  readonly owner: Owner;
  readonly certificates: Certificates;
  readonly dovecot: Dovecot;
  /** The provider's maildir. */
  readonly box: string;
  /** Where the target is to deliver: one maildir for each user. */
  readonly delivered: string;
  readonly anna: string;
  /** Hands all of it to the provider, and waits until it is in the box. */
  fill(mails: readonly TestMail[]): Promise<void>;
}

export async function startCatchAll(name: string): Promise<CatchAll> {
  const stack = new AsyncDisposableStack();
  const { dir } = stack.use(await makeWorkplace(name));
  const owner = maildirOwner();
  const certificates = makeCertificates(dir);
  const box = path.join(dir, "provider", "box");
  const delivered = path.join(dir, "delivered");
  const anna = path.join(delivered, "anna");
  for (const folder of [path.join(dir, "provider"), box, delivered, anna]) await makeMaildir(folder, owner);
  const { cert, key } = certificates;
  const users = { sammel: { password: "geheim", maildir: box } };
  const dovecot = stack.use(await startDovecot({ dir, owner, cert, key, users }));
  const mx = stack.use(
    await startPostfix({
      dir,
      owner,
      hostname: "mx.provider.example",
      domain: "firma.example",
      box: { kind: "catch-all", maildir: box },
    }),
  );
  return {
    dir,
    owner,
    certificates,
    dovecot,
    box,
    delivered,
    anna,
    async fill(mails) {
      await sendAll(mx.port, mails, 8);
      await eventually("the box is full", async () => (await countMaildir(box)) >= mails.length, 180_000);
    },
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  };
}
