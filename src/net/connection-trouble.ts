/**
 * DNS and TCP trouble in plain words, with host, port and the addresses that were tried. Pure; never throws.
 */

/** Node's code of a failed connection; of several addresses, the last one's. Empty when there is none. */
export function connectionCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    const codes = error.errors.map((one: unknown) => connectionCode(one));
    // A refusal says most: a host was there and answered.
    return codes.find((code) => code === "ECONNREFUSED") ?? codes.at(-1) ?? "";
  }
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return "";
}

/** Why `host` could not be reached on `port`; `tried` are the addresses its name resolved to. */
export function explainConnectionError(error: unknown, host: string, port: number, tried: readonly string[]): string {
  const code = connectionCode(error);
  const others = tried.filter((address) => address !== host);
  const where = `${hostPort(host, port)}${others.length > 0 ? ` (${others.join(", ")})` : ""}`;
  switch (code) {
    case "ENOTFOUND":
      return `${host}: there is no host of this name. Check the spelling, and this machine's DNS.`;
    case "EAI_AGAIN":
    case "ETIMEOUT":
    case "ESERVFAIL":
      return `${host}: the name could not be looked up, DNS does not answer (${code}).`;
    case "ECONNREFUSED":
      return `${where}: connection refused. Nothing listens on this port, or a firewall refuses it.`;
    case "ETIMEDOUT":
      return `${where}: no answer. The host is down, or a firewall drops the connection.`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
    case "ENETDOWN":
      return `${where}: no route to the host (${code}). Check this machine's network.`;
    case "ECONNRESET":
    case "EPIPE":
      return `${where}: the connection was reset as soon as it was made.`;
    case "EMFILE":
    case "ENFILE":
      return `${where}: no more files may be opened on this machine (${code}).`;
    default:
      return `${where}: ${error instanceof Error && error.message !== "" ? error.message : String(error)}`;
  }
}

/** `host:port`, with an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
}
