/** What `[listener]`, `[[relay]]` and `[admin]` must mean together: no open relay, no password in the clear. */
import { isIP } from "node:net";
import type { ListenAddress } from "./config.ts";
import { checkLogin } from "./check-login.ts";
import { checkTls } from "./check-tls.ts";
import type { Findings } from "./findings.ts";
import { isLoopback } from "./loopback.ts";
import type { Draft, DraftRelay } from "./schema.ts";

export function checkOutbound(draft: Draft, complete: boolean, findings: Findings): void {
  checkListener(draft, complete, findings);
  const names = new Set<string>();
  for (const [index, relay] of (draft.relay ?? []).entries()) {
    checkRelay(relay, index, findings);
    const name = relay.name?.toLowerCase();
    if (name !== undefined && names.has(name))
      findings.error(
        ["relay", index, "name"],
        `"${relay.name ?? ""}" is the name of another relay`,
        "Every relay needs a name of its own",
      );
    if (name !== undefined) names.add(name);
  }
  checkAdmin(draft, findings);
  if (!complete) return;
  const relays = draft.relay?.length ?? 0;
  if (draft.listener !== undefined && relays === 0)
    findings.error(["listener"], "there is no [[relay]] to send mail on by", "Add one, or remove [listener]");
  if (draft.listener === undefined && relays > 0)
    findings.warn(["relay", 0], "without [listener] no mail comes in for it", "Add [listener]");
}

function checkListener({ listener, exchange }: Draft, complete: boolean, findings: Findings): void {
  if (listener === undefined) return;
  const at = ["listener"];
  const { listen = [], listen_implicit: implicit = [], allow = [], users = {}, tls } = listener;
  if (complete && listen.length + implicit.length === 0)
    findings.error(at, "it listens nowhere", 'Add listen = ["0.0.0.0:25"]');
  if (implicit.length > 0 && tls === undefined)
    findings.error([...at, "listen_implicit"], "TLS needs a certificate", "Add tls = { cert = …, key = … }");
  if (complete && allow.length === 0 && Object.keys(users).length === 0)
    findings.error(at, "nobody may send", "Name Exchange's network in allow, or add users");
  for (const [index, network] of allow.entries()) {
    const bits = Number(network.split("/")[1]);
    const least = isIP(network.split("/")[0] ?? "") === 4 ? 8 : 16;
    if (bits === 0)
      findings.error([...at, "allow", index], "anyone could send: an open relay", "Name Exchange's own network");
    else if (bits < least)
      findings.warn([...at, "allow", index], "a very large network", "Name Exchange's own network");
  }
  if (Object.keys(users).length > 0 && tls === undefined && listen.some(({ host }) => !isLoopback(host)))
    findings.error([...at, "users"], "passwords would be sent in the clear", "Add tls = { cert = …, key = … }", "key");
  const port = exchange?.port ?? 25;
  for (const [index, address] of listen.entries()) {
    if (
      exchange?.host !== undefined &&
      isLoopback(exchange.host) &&
      address.port === port &&
      exchange.tls !== "implicit"
    )
      findings.error(
        [...at, "listen", index],
        "exchange is this very address: mail would go round in a circle",
        "Use different ports",
      );
  }
  checkRepeatedAddresses([...listen, ...implicit], findings);
}

function checkRepeatedAddresses(addresses: readonly ListenAddress[], findings: Findings): void {
  const seen = new Set<string>();
  for (const { host, port } of addresses) {
    const key = `${host} ${port}`;
    if (seen.has(key)) findings.error(["listener"], `port ${port} is listened on twice`, "Remove one of the two");
    seen.add(key);
  }
}

function checkRelay(relay: DraftRelay, index: number, findings: Findings): void {
  const at = ["relay", index];
  checkTls(relay, at, findings);
  checkLogin(relay, at, findings);
  const secret = relay.password !== undefined || relay.oauth !== undefined;
  if (secret && relay.user === undefined)
    findings.error([...at, relay.oauth === undefined ? "password" : "oauth"], "there is no user", "Add user", "key");
  if (!secret && relay.user !== undefined)
    findings.error([...at, "user"], "there is a user but no password", "Add password or oauth, or remove the user");
  if (secret && relay.tls === "opportunistic" && !isLoopback(relay.host))
    findings.error(
      [...at, "tls"],
      "the password is sent in the clear if the server offers no TLS",
      'Set tls = "required"',
    );
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
