/** The admin interface of the running program: its operations behind the Unix socket. */
import { actorOf } from "../admin/actor.ts";
import type { Operations } from "../admin/port.ts";
import { createAdminServer } from "../admin/server.ts";
import { AdminSocketError, listenOnSocket } from "../admin/socket.ts";
import type { Config } from "../config/config.ts";
import { packageVersion } from "../runtime/version.ts";
import type { AppPorts } from "./surroundings.ts";

/**
 * Until it is disposed. A socket that cannot be had is told as an event: mail goes on without the admin interface.
 * `undefined` then.
 */
export async function openAdmin(
  { admin }: Config,
  operations: Operations,
  { clock, events }: AppPorts,
): Promise<AsyncDisposable | undefined> {
  const server = createAdminServer(operations, { version: packageVersion(), actorOf }, { clock, events });
  try {
    const listening = await listenOnSocket(server, admin.socket);
    events.emit({ kind: "admin-listening", socket: admin.socket });
    return listening;
  } catch (error) {
    await server.close();
    if (!(error instanceof AdminSocketError)) throw error;
    events.emit({ kind: "admin-failed", detail: error.message });
    return undefined;
  }
}
