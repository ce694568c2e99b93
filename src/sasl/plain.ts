/**
 * PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login): the password itself, so only for a secured connection.
 *
 * User and password go as UTF-8, as they are written: servers compare octets, and preparing them (RFC 4616 §2 leaves it
 * to the server) has locked people out. NUL cannot be carried and is refused.
 */
import { SaslError, type SaslMechanism } from "./mechanism.ts";

/** `\0user\0password` in one message, no authorization identity. */
export function plain(user: string, password: () => Promise<string>): SaslMechanism {
  return {
    name: "PLAIN",
    complaint: undefined,
    async initial() {
      const secret = await password();
      if (`${user}${secret}`.includes("\0")) throw new SaslError("PLAIN cannot carry a NUL in user or password");
      return Buffer.from(`\0${user}\0${secret}`);
    },
    respond: () => Promise.reject(new SaslError("the server asks on after PLAIN, which has nothing more to say")),
    finish() {},
  };
}

/** User, then password, each when the server asks. What it asks with differs from server to server and is not looked at. */
export function login(user: string, password: () => Promise<string>): SaslMechanism {
  let asked = 0;
  return {
    name: "LOGIN",
    complaint: undefined,
    initial: () => Promise.resolve(undefined),
    async respond() {
      asked++;
      if (asked === 1) return Buffer.from(user);
      if (asked === 2) return Buffer.from(await password());
      throw new SaslError("the server asks on after LOGIN's user and password");
    },
    finish() {},
  };
}
