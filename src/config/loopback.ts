/** Which hosts are this machine: what is sent to them crosses no network. */
import { isIP } from "node:net";

/** True for 127.0.0.0/8, ::1 and localhost (RFC 6761 §6.3). */
export function isLoopback(host: string | undefined): boolean {
  if (host === undefined) return false;
  if (isIP(host) === 4) return host.startsWith("127.");
  return host === "::1" || host === "localhost" || host.endsWith(".localhost");
}
