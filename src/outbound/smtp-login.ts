/**
 * AUTH PLAIN (RFC 4616) and AUTH LOGIN (never standardised; the only one that Exchange's send connectors speak), as the
 * server hears them (RFC 4954 §4). Pure: lines in, the next step out; whether the password is right is another's affair.
 *
 * Base64 is read strictly, and what comes out must be text: a name with control characters in it would end up in logs
 * and trace fields.
 */
import type { SmtpAnswer } from "./port.ts";
import { answers } from "./smtp-answers.ts";
import { utf8Text } from "./smtp-xtext.ts";

export type LoginStep =
  /** Ask with 334 and this text, and go on with the client's next line. */
  | { readonly kind: "ask"; readonly challenge: string; readonly next: (line: string) => LoginStep }
  | { readonly kind: "try"; readonly user: string; readonly password: string }
  | { readonly kind: "bad"; readonly answer: SmtpAnswer };

/** `Username:` and `Password:` in base64, as clients expect them of LOGIN. */
const askUser = "VXNlcm5hbWU6";
const askPassword = "UGFzc3dvcmQ6";

/** `initial`: the initial response (RFC 4954 §4), if the client gave one. */
export function beginLogin(mechanism: string, initial: string | undefined): LoginStep {
  switch (mechanism.toUpperCase()) {
    case "PLAIN":
      // RFC 4954 §4: `=` is an initial response of no octets.
      return initial === undefined
        ? { kind: "ask", challenge: "", next: plain }
        : plain(initial === "=" ? "" : initial);
    case "LOGIN":
      return initial === undefined ? { kind: "ask", challenge: askUser, next: loginUser } : loginUser(initial);
    default:
      return { kind: "bad", answer: answers.unknownMechanism };
  }
}

function plain(line: string): LoginStep {
  if (line === "*") return cancelled;
  const parts = decodeBase64(line)?.toString("latin1").split("\0");
  if (parts?.length !== 3) return unreadable;
  const [identity, name, password] = parts.map((part) => utf8Text(Buffer.from(part, "latin1")));
  if (identity === undefined || name === undefined || password === undefined) return unreadable;
  // To act for another is not possible. Some clients put their own name in the other's place.
  if (identity !== "" && name !== "" && identity !== name) return unreadable;
  return attempt(name === "" ? identity : name, password);
}

function loginUser(line: string): LoginStep {
  if (line === "*") return cancelled;
  const user = decodeText(line);
  if (user === undefined || user === "") return unreadable;
  return { kind: "ask", challenge: askPassword, next: (password) => loginPassword(user, password) };
}

function loginPassword(user: string, line: string): LoginStep {
  if (line === "*") return cancelled;
  const password = decodeText(line);
  return password === undefined ? unreadable : attempt(user, password);
}

function attempt(user: string, password: string): LoginStep {
  return user === "" ? unreadable : { kind: "try", user, password };
}

const cancelled: LoginStep = { kind: "bad", answer: answers.loginCancelled };
const unreadable: LoginStep = { kind: "bad", answer: answers.badLogin };

function decodeText(line: string): string | undefined {
  const octets = decodeBase64(line);
  return octets === undefined ? undefined : utf8Text(octets);
}

function decodeBase64(line: string): Buffer | undefined {
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/u.test(line);
  return isBase64 ? Buffer.from(line, "base64") : undefined;
}
