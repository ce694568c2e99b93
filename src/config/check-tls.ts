/** Whether `tls`, `port` and what goes with them agree, for any server that popgate connects to. */
import type { Findings } from "./findings.ts";
import type { KeyPath } from "./key-path.ts";
import { isLoopback } from "./loopback.ts";

/** The keys of any connection, as far as they are set. */
export interface TlsKeys {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly tls?: string | undefined;
  readonly ca?: unknown;
  readonly fingerprint?: unknown;
  readonly servername?: string | undefined;
  readonly min_tls?: string | undefined;
}

/** Ports on which TLS begins at once (RFC 8314), and those on which it never does. */
const implicitPorts = new Set([995, 993, 465]);
const plainPorts = new Set([110, 143, 25, 587]);

export function checkTls(keys: TlsKeys, at: KeyPath, findings: Findings): void {
  const { tls, port } = keys;
  if (tls === undefined) return;
  if (port !== undefined && implicitPorts.has(port) && tls !== "implicit")
    findings.error([...at, "port"], `port ${port} speaks TLS from the start`, 'Set tls = "implicit", or another port');
  if (port !== undefined && plainPorts.has(port) && tls === "implicit")
    findings.error([...at, "port"], `port ${port} does not speak TLS from the start`, plainPortHint(port));
  if (tls === "off") {
    for (const key of ["ca", "fingerprint", "servername"] as const) {
      if (keys[key] !== undefined)
        findings.error([...at, key], 'it has no effect with tls = "off"', "Remove it, or use TLS", "key");
    }
    if (keys.host !== undefined && !isLoopback(keys.host))
      findings.warn(
        [...at, "tls"],
        `everything sent to ${keys.host} can be read on the way`,
        "Use TLS if the server can",
      );
  }
  if (keys.min_tls === "1.0")
    findings.warn([...at, "min_tls"], "TLS 1.0 and 1.1 are broken (RFC 8996)", 'Use "1.2" as soon as the server can');
}

function plainPortHint(port: number): string {
  if (port === 110) return 'Set port = 995, or tls = "starttls"';
  return port === 143 ? "This is a port of IMAP: POP3 has 995" : 'Set port = 465, or tls = "required"';
}
