/**
 * The Unix socket that the admin interface listens on: mode 0660, so that its owner and group may ask, and nobody else at
 * any moment.
 *
 * A socket that a crashed process has left is removed; one that somebody may still answer on is not taken away from them,
 * and what is not a socket is never removed. The directory is made if it is not there. Disposing removes the socket and
 * ends what is open.
 */
import { chmod, lstat, mkdir, unlink } from "node:fs/promises";
import { createConnection } from "node:net";
import path from "node:path";
import type { FastifyInstance } from "fastify";

/** The socket cannot be used; the message says why and what to do. */
export class AdminSocketError extends Error {
  override readonly name = "AdminSocketError";
}

/** `sun_path` of Linux has 108 octets with the NUL (unix(7)); other systems have 104. */
const longestPath = 103;

/** Until it is disposed. The server is closed when this rejects. */
export async function listenOnSocket(server: FastifyInstance, file: string): Promise<AsyncDisposable> {
  try {
    if (Buffer.byteLength(file) > longestPath)
      throw new AdminSocketError(`${file} is too long for a socket (${longestPath} octets): set admin.socket`);
    await makeDirectory(path.dirname(file));
    await removeStale(file);
    await server.ready();
    await listen(server, file);
  } catch (error) {
    await server.close();
    throw error;
  }
  return { [Symbol.asyncDispose]: async () => server.close() };
}

async function listen(server: FastifyInstance, file: string): Promise<void> {
  // Nobody else may connect between bind and chmod. The mask is the whole process's, for a turn or two: what else is
  // made meanwhile is not for others either, which does no harm.
  const before = process.umask(0o007);
  try {
    await server.listen({ path: file });
  } catch (error) {
    throw new AdminSocketError(`cannot listen on ${file}: ${wordsOf(error)}`, { cause: error });
  } finally {
    process.umask(before);
  }
  await chmod(file, 0o660);
}

async function makeDirectory(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw new AdminSocketError(`cannot make ${dir} for the admin socket: ${wordsOf(error)}`, { cause: error });
  }
}

async function removeStale(file: string): Promise<void> {
  const found = await lstat(file).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new AdminSocketError(`${file} is there and is not a socket: remove it, or set admin.socket`);
  if (await mayBeAnswered(file)) throw new AdminSocketError(`${file} is in use: another popgate is running`);
  try {
    await unlink(file);
  } catch (error) {
    throw new AdminSocketError(`cannot remove the old ${file}: ${wordsOf(error)}`, { cause: error });
  }
}

/** Only a refused connection proves that nobody listens: a busy listener answers with EAGAIN. */
async function mayBeAnswered(file: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection(file);
  socket.once("connect", () => resolve(true));
  socket.once("error", (error) => resolve(Reflect.get(error, "code") !== "ECONNREFUSED"));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
