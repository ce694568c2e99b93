/**
 * What a first configuration is made from: the answers of `popgate init`, typed by a person or taken from a file in JSON.
 * Each is read by the rules of the key that it becomes.
 */
import { z } from "zod";
import { accountName, address, domain, host, line, network, port } from "./scalars.ts";

/** How a server is reached: found by trying, unless it is given. */
const serverShape = {
  host: host(),
  port: port().optional(),
  ca: line().optional(),
  user: line(),
  password: line(),
};

export const initAnswers = z.strictObject({
  domains: z.array(domain()).min(1),
  hostname: host(),
  postmaster: address(),
  exchange: host(),
  account: z.strictObject({
    ...serverShape,
    name: accountName().prefault("sammel"),
    tls: z.enum(["implicit", "starttls", "off"]).optional(),
    /** Set: the box of one person or a few; else it collects the mail of whole domains. */
    deliver_to: z.array(address()).min(1).optional(),
  }),
  relay: z
    .strictObject({
      ...serverShape,
      name: accountName().prefault("provider"),
      tls: z.enum(["implicit", "required", "off"]).optional(),
      /** The networks that Exchange sends from. */
      allow: z.array(network()).min(1),
    })
    .optional(),
});

export type InitAnswers = z.output<typeof initAnswers>;

/** The readers of single answers, for a dialogue. */
export const initReaders = {
  domain: domain(),
  host: host(),
  address: address(),
  line: line(),
  network: network(),
  accountName: accountName(),
};

/** What can be wrong with an answer, in a line each: `account.host: …`. */
export function answerFaults(error: z.ZodError): readonly string[] {
  return error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`));
}
