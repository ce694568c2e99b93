/**
 * CAPA (RFC 2449 §5): what the server says it can do. Pure. CAPA is a hint: servers forget capabilities that they have,
 * answer differently before and after login (RFC 2449 §5 allows it), and list what does not work.
 */
import type { Capabilities } from "./port.ts";

/** What is taken for granted of a server that knows no CAPA: RFC 1939 with its usual options, and nothing newer. */
export const assumedCapabilities: Capabilities = {
  announced: false,
  uidl: true,
  top: true,
  pipelining: false,
  stls: false,
  utf8: false,
  sasl: [],
  loginDelaySeconds: undefined,
  expire: undefined,
  implementation: undefined,
};

/** Reads the lines of a CAPA reply. Unknown ones are passed over. */
export function parseCapabilities(lines: readonly string[]): Capabilities {
  const found = new Map<string, string>();
  for (const line of lines) {
    const [, name = "", value = ""] = /^\s*(\S+)\s*(.*)$/su.exec(line) ?? [];
    if (name !== "") found.set(name.toUpperCase(), value.trim());
  }
  const has = (name: string): boolean => found.has(name);
  return {
    announced: true,
    uidl: has("UIDL"),
    top: has("TOP"),
    pipelining: has("PIPELINING"),
    stls: has("STLS"),
    utf8: has("UTF8"),
    sasl: (found.get("SASL") ?? "")
      .toUpperCase()
      .split(/\s+/u)
      .filter((name) => name !== ""),
    loginDelaySeconds: seconds(found.get("LOGIN-DELAY")),
    expire: expiry(found.get("EXPIRE")),
    implementation: found
      .get("IMPLEMENTATION")
      ?.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
      .slice(0, 200),
  };
}

/**
 * What was said before login and what was said after it. The later word counts for the box (RFC 2449 §5, §6.5, §6.7:
 * LOGIN-DELAY and EXPIRE may be this user's own); mechanisms and STLS are only announced before.
 */
export function mergeCapabilities(before: Capabilities, after: Capabilities): Capabilities {
  if (!after.announced) return before;
  if (!before.announced) return after;
  return {
    announced: true,
    uidl: after.uidl || before.uidl,
    top: after.top || before.top,
    pipelining: after.pipelining || before.pipelining,
    stls: before.stls,
    utf8: after.utf8 || before.utf8,
    sasl: before.sasl.length > 0 ? before.sasl : after.sasl,
    loginDelaySeconds: after.loginDelaySeconds ?? before.loginDelaySeconds,
    expire: after.expire ?? before.expire,
    implementation: after.implementation ?? before.implementation,
  };
}

/** `120` or `120 USER`: until login, the longest of all users counts (RFC 2449 §6.5). */
function seconds(value: string | undefined): number | undefined {
  const digits = /^\d{1,7}/u.exec(value ?? "")?.[0];
  return digits === undefined ? undefined : Number(digits);
}

function expiry(value: string | undefined): Capabilities["expire"] {
  if (value === undefined) return undefined;
  if (/^never\b/iu.test(value)) return { kind: "never" };
  const days = /^\d{1,6}/u.exec(value)?.[0];
  return days === undefined ? undefined : { kind: "days", days: Number(days) };
}
