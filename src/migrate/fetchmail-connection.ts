/**
 * How fetchmail reached a server, in popgate's words: `ssl`, `sslproto` and what goes with them (fetchmail(1), "Secure
 * Socket Layers"). popgate never falls back from TLS to plain text by itself.
 */
import { parsePin } from "../net/tls-policy.ts";
import type { Settings } from "./fetchmail-settings.ts";
import type { ImportedAccount } from "./imported.ts";

type Secured = Pick<ImportedAccount, "port" | "tls" | "minTls" | "fingerprints" | "ca" | "servername">;

/** The port as a number; of the names of services only those of POP3. */
export function serverPort(settings: Settings): number | undefined {
  const written = settings.word("service");
  if (written === undefined) return undefined;
  const named: Readonly<Record<string, number>> = { pop3: 110, pop3s: 995 };
  const port = named[written.toLowerCase()] ?? (/^\d{1,5}$/u.test(written) ? Number(written) : 0);
  if (port >= 1 && port <= 65_535) return port;
  settings.tell("service", "this is not a port of POP3 that is known here; the usual one is used");
  return undefined;
}

/** `line`: where the account begins, for what is told of an option that is not there. */
export function secureConnection(settings: Settings, port: number | undefined, line: number): Secured {
  const tls = modeOf(settings, port, line);
  const version = settings.word("sslproto")?.toLowerCase().replaceAll(/[ _]/gu, "");
  if (version !== undefined && /^(?:ssl[23]+|tlsv?1(?:\.[01])?\+?)$/u.test(version) && tls !== "off")
    settings.tell("sslproto", 'popgate asks for TLS 1.2 or newer; `min_tls = "1.0"` is for servers that have none');
  const last = settings.last("sslcertck");
  if (last?.set === false && tls !== "off")
    settings.tell(
      "sslcertck",
      "popgate always checks certificates; for one that does not stand the check, set `fingerprint` or `ca`. `popgate doctor` shows the fingerprint",
    );
  return {
    tls,
    minTls: version !== undefined && /^tlsv?1\.3\+?$/u.test(version) ? "1.3" : undefined,
    port,
    fingerprints: pinsOf(settings),
    ca: settings.word("sslcertfile"),
    servername: settings.word("sslcommonname"),
  };
}

function modeOf(settings: Settings, port: number | undefined, line: number): Secured["tls"] {
  const wrapped = settings.isSet("ssl");
  if (wrapped || port === 995) return "implicit";
  if (settings.last("sslproto")?.values[0] === "") return "off";
  if (settings.isSet("sslproto") || settings.word("proto")?.toLowerCase().startsWith("imap") === true)
    return "starttls";
  settings.remarks.push({
    line,
    text: 'fetchmail used TLS here if the server offered it; popgate insists on it (`tls = "starttls"`). Better still, where the provider has port 995: "implicit"',
  });
  return "starttls";
}

function pinsOf(settings: Settings): readonly string[] {
  const written = settings.word("sslfingerprint");
  if (written === undefined) return [];
  const pin = written.replace(/^\{sha256\}/iu, "sha256:");
  if (parsePin(pin).kind === "ok") return [pin];
  settings.tell(
    "sslfingerprint",
    "an MD5 or SHA-1 fingerprint proves nothing any more; `popgate doctor` shows the SHA-256 one for `fingerprint`",
  );
  return [];
}
