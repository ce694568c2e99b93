/** The admin interface of the running program: its operations behind the Unix socket and, where configured, the web page. */
import { actorOf } from "../admin/actor.ts";
import { createMetrics } from "../admin/metrics.ts";
import type { Operations } from "../admin/port.ts";
import { createAdminServer } from "../admin/server.ts";
import { AdminSocketError, listenOnSocket } from "../admin/socket.ts";
import { openWeb, WebFailed } from "../admin/web.ts";
import type { Config } from "../config/config.ts";
import { packageVersion } from "../runtime/version.ts";
import type { EventBus } from "./event-bus.ts";
import type { AppPorts } from "./surroundings.ts";

export interface AdminPorts extends AppPorts {
  readonly bus: EventBus;
  /** The configuration of now: a reload may change who may log in. */
  readonly config: () => Config;
}

/**
 * Until it is disposed. What cannot be opened is told as an event: mail goes on without a socket or a page. Socket and
 * page stay as they were opened over reloads; a certificate that changes on disk is taken.
 */
export async function openAdmin(operations: Operations, ports: AdminPorts): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const version = packageVersion();
  const metrics = createMetrics({ version, status: async () => operations.status() });
  opening.use(ports.bus.onEvent((event) => metrics.note(event)));
  const page = async (): ReturnType<typeof metrics.page> => metrics.page();
  await openSocket(operations, ports, { version, actorOf, metrics: page }, opening);
  await openPage(operations, ports, { version, metrics: page }, opening);
  const opened = opening.move();
  return { [Symbol.asyncDispose]: async () => opened.disposeAsync() };
}

async function openSocket(
  operations: Operations,
  { clock, events, config }: AdminPorts,
  options: Parameters<typeof createAdminServer>[1],
  stack: AsyncDisposableStack,
): Promise<void> {
  const server = createAdminServer(operations, options, { clock, events });
  const { socket } = config().admin;
  try {
    stack.use(await listenOnSocket(server, socket));
    events.emit({ kind: "admin-listening", socket });
  } catch (error) {
    await server.close();
    if (!(error instanceof AdminSocketError)) throw error;
    events.emit({ kind: "admin-failed", detail: error.message });
  }
}

async function openPage(
  operations: Operations,
  { clock, events, config }: AdminPorts,
  options: Pick<Parameters<typeof openWeb>[0], "version" | "metrics">,
  stack: AsyncDisposableStack,
): Promise<void> {
  const { web } = config().admin;
  if (web === undefined) return;
  try {
    const users = (): typeof web.users => config().admin.web?.users ?? web.users;
    const names = (): readonly string[] => [config().hostname, ...(config().admin.web?.names ?? [])];
    stack.use(
      await openWeb({ listen: web.listen, tls: web.tls, ...options }, operations, {
        clock,
        events,
        users,
        names,
      }),
    );
  } catch (error) {
    // It has been told as an event.
    if (!(error instanceof WebFailed)) throw error;
  }
}
