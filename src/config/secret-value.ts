/** What a secret's value may be, wherever it was kept: UTF-8 text that is not empty, and one line unless it is a key. */

/** `text`: a key in PEM, of many lines. Everything else is a `line`, since a second one could become a command. */
export type SecretForm = "line" | "text";

export type SecretResult =
  | { readonly kind: "ok"; readonly value: string }
  | { readonly kind: "bad"; readonly why: string; readonly hint: string };

export type SecretFailure = Extract<SecretResult, { readonly kind: "bad" }>;

/** Larger than any key or token in use; keeps a mistaken path from being read into memory whole. */
export const longestSecret = 64 * 1024;

/** Takes line ends off the end, where editors and commands put them, and judges the rest. */
export function checkSecret(raw: string | Buffer, form: SecretForm): SecretResult {
  if (raw.length > longestSecret) return badSecret(`it is longer than ${longestSecret} octets`, "");
  let text: string;
  try {
    text = typeof raw === "string" ? raw : new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch {
    return badSecret("it is not UTF-8 text", "");
  }
  const value = text.replace(/[\r\n]+$/u, "");
  if (value === "") return badSecret("it is empty", "");
  const isOneLine = !/[\r\n]/u.test(value);
  if (value.includes("\0") || (form === "line" && !isOneLine))
    return badSecret("it has more than one line, or a NUL", form === "line" ? "A secret is one line of text" : "");
  return { kind: "ok", value };
}

/** A secret that cannot be used. */
export function badSecret(why: string, hint: string): SecretFailure {
  return { kind: "bad", why, hint };
}
