/** What the POP3 client is told of a configured account, wherever the program opens its box. */
import type { AccountConfig } from "../config/config.ts";
import { defaultLimits, defaultTimeouts, type Pop3Options } from "../pop3/options.ts";
import type { SaslCredentials } from "../sasl/choose.ts";

/** Limits and time-outs are the usual ones: who needs others puts them in their place. */
export function boxOptions(account: AccountConfig, credentials: SaslCredentials): Pop3Options {
  const { host, port, tls, auth, pipelining } = account;
  return {
    host,
    port,
    tls,
    auth,
    pipelining,
    credentials,
    // A server without unique ids is served too: ids are then made from the content.
    needUidl: false,
    // Header fields in raw UTF-8 are of use only to a target that takes SMTPUTF8.
    utf8: false,
    limits: defaultLimits,
    timeouts: defaultTimeouts,
  };
}
