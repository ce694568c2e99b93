/** Who asks over the Unix socket, for the log and the messages' notes. */
import type { FastifyRequest } from "fastify";

export const userHeader = "x-popgate-user";
const longest = 64;

/**
 * Whoever may open the socket may say that they are anybody: the name is a help for honest people. Only printable ASCII
 * of it is kept.
 */
export function actorOf({ headers }: FastifyRequest): string {
  const claimed = headers[userHeader];
  const name = (typeof claimed === "string" ? claimed : "").replaceAll(/[^!-~]/gu, "").slice(0, longest);
  return name === "" ? "local" : `local:${name}`;
}
