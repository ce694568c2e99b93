/**
 * The Unix socket that the admin interface listens on: mode 0660, so that its owner and group may ask.
 *
 * A socket that a crashed process has left is removed; one that somebody still answers on is not taken away from them.
 * The directory is made if it is not there. Disposing removes the socket and ends what is open.
 */
import { chmod, mkdir, stat, unlink } from "node:fs/promises";
import { createConnection } from "node:net";
import path from "node:path";
import type { FastifyInstance } from "fastify";

/** The socket cannot be used; the message says why and what to do. */
export class AdminSocketError extends Error {
  override readonly name = "AdminSocketError";
}

/** Until it is disposed. */
export async function listenOnSocket(server: FastifyInstance, file: string): Promise<AsyncDisposable> {
  await makeDirectory(path.dirname(file));
  await removeStale(file);
  // Nobody may connect between bind and chmod.
  const before = process.umask(0o117);
  try {
    await server.listen({ path: file });
  } catch (error) {
    throw new AdminSocketError(`cannot listen on ${file}: ${wordsOf(error)}`, { cause: error });
  } finally {
    process.umask(before);
  }
  await chmod(file, 0o660);
  return { [Symbol.asyncDispose]: async () => server.close() };
}

async function makeDirectory(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw new AdminSocketError(`cannot make ${dir} for the admin socket: ${wordsOf(error)}`, { cause: error });
  }
}

async function removeStale(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new AdminSocketError(`${file} is there and is not a socket: remove it, or set admin.socket`);
  if (await isAnswered(file)) throw new AdminSocketError(`${file} is in use: another popgate is running`);
  await unlink(file);
}

async function isAnswered(file: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection(file);
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
