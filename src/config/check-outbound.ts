/** What `[listener]`, `[[relay]]`, `[[dkim]]` and `[admin]` must mean together. */
import { checkDkim } from "./check-dkim.ts";
import { checkListener } from "./check-listener.ts";
import { checkRelays } from "./check-relay.ts";
import type { Findings } from "./findings.ts";
import type { KeyPath } from "./key-path.ts";
import { isLoopback } from "./loopback.ts";
import type { Draft } from "./schema.ts";

/** `has`: whether a key stands in the file, with whatever value: defaults have been filled in elsewhere. */
export function checkOutbound(
  draft: Draft,
  complete: boolean,
  has: (path: KeyPath) => boolean,
  findings: Findings,
): void {
  checkListener(draft, complete, has, findings);
  checkRelays(draft, complete, has, findings);
  checkDkim(draft, complete, findings);
  checkAdmin(draft, findings);
  if (!complete) return;
  const relays = draft.relay?.length ?? 0;
  if (draft.listener !== undefined && relays === 0)
    findings.error(["listener"], "there is no [[relay]] to send mail on by", "Add one, or remove [listener]");
  if (draft.listener === undefined && relays > 0)
    findings.warn(["relay", 0], "without [listener] no mail comes in for it", "Add [listener]");
}

/** Linux takes 107 octets for the path of a Unix socket, other systems 103. */
const longestSocketPath = 103;

function checkAdmin({ admin }: Draft, findings: Findings): void {
  if (admin === undefined) return;
  if (Buffer.byteLength(admin.socket) > longestSocketPath)
    findings.error(["admin", "socket"], "the path is too long for a socket", `At most ${longestSocketPath} octets`);
  const { web } = admin;
  if (web === undefined) return;
  if (Object.keys(web.users).length === 0)
    findings.error(["admin", "web"], "the web page needs a login", 'Add users = { name = { file = "…" } }');
  if (web.tls === undefined && !isLoopback(web.listen.host))
    findings.error(
      ["admin", "web", "listen"],
      "the page would be reachable without TLS",
      'Listen on "127.0.0.1", or add tls = { … }',
    );
}
