/**
 * The client of the admin interface: HTTP over the daemon's Unix socket.
 *
 * Guarantees: every answer is checked against its schema; every request has a deadline and ends with the command's signal.
 * How it fails: with a `CommandError` whose words say what to do and whose status says what kind of failure it was.
 */
import { request, type IncomingMessage } from "node:http";
import { userHeader } from "../admin/actor.ts";
import { problem, type Problem } from "../admin/schemas.ts";
import { textOf } from "../config/failure.ts";
import { CommandError, exitStatus, type ExitStatus } from "./exit-status.ts";

export interface AdminClientOptions {
  readonly socket: string;
  /** Told to the daemon for its log. */
  readonly user: string;
  readonly signal: AbortSignal;
}

/** A zod schema, as far as it is used here. */
interface Schema<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false };
}

/** For answers of which only their coming matters. */
export const anyAnswer: Schema<unknown> = { safeParse: (data) => ({ success: true, data }) };

export type Query = Readonly<Record<string, string | number | undefined>>;

const quickMs = 30_000;
/** For what takes as long as a box or a spool is large. */
export const longMs = 6 * 3_600_000;
/** Between two heartbeats of the events there are 20 s. */
const silentMs = 90_000;
const largestAnswer = 64 * 1024 * 1024;

export class AdminClient {
  readonly #options: AdminClientOptions;
  constructor(options: AdminClientOptions) {
    this.#options = options;
  }

  get socket(): string {
    return this.#options.socket;
  }

  async get<T>(schema: Schema<T>, path: string, query: Query = {}, deadlineMs = quickMs): Promise<T> {
    const response = await this.#send("GET", withQuery(path, query), undefined, deadlineMs);
    return this.#checked(schema, await readJson(response));
  }

  async post<T>(schema: Schema<T>, path: string, body: unknown, deadlineMs = quickMs): Promise<T> {
    const response = await this.#send("POST", path, JSON.stringify(body), deadlineMs);
    return this.#checked(schema, await readJson(response));
  }

  /** The caller reads it to its end or destroys it. It is destroyed by itself when it stays silent for too long. */
  async open(path: string, query: Query = {}): Promise<IncomingMessage> {
    const response = await this.#send("GET", withQuery(path, query), undefined, undefined);
    response.socket.setTimeout(silentMs, () => response.destroy(new Error(`nothing came for ${silentMs / 1000} s`)));
    return response;
  }

  #checked<T>(schema: Schema<T>, answer: unknown): T {
    const result = schema.safeParse(answer);
    if (result.success) return result.data;
    throw new CommandError(
      exitStatus.failed,
      `the popgate that answers at ${this.socket} is of another version: restart it after an upgrade`,
    );
  }

  async #send(
    method: "GET" | "POST",
    path: string,
    body: string | undefined,
    deadlineMs: number | undefined,
  ): Promise<IncomingMessage> {
    const { socket, user, signal } = this.#options;
    signal.throwIfAborted();
    const headers = {
      host: "popgate",
      connection: "close",
      [userHeader]: user,
      ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    };
    const deadline = deadlineMs === undefined ? undefined : AbortSignal.timeout(deadlineMs);
    const ends = deadline === undefined ? signal : AbortSignal.any([signal, deadline]);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent = request({ socketPath: socket, method, path, headers, signal: ends }, resolve);
    sent.once("error", reject);
    if (deadline === undefined)
      sent.setTimeout(quickMs, () => sent.destroy(new Error(`no answer for ${quickMs / 1000} s`)));
    sent.end(body);
    let response: IncomingMessage;
    try {
      response = await promise;
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(socket, deadline?.aborted === true ? new Error("it does not answer in time") : error);
    }
    if (response.statusCode === 200) return response;
    throw refusal(response.statusCode ?? 0, await readJson(response));
  }
}

/** True when nobody listens there: the daemon does not run. One that runs and does not answer in time is another matter. */
export function isNotRunning(error: unknown): boolean {
  return error instanceof CommandError && nobodyListens(error.cause);
}

function nobodyListens(cause: unknown): boolean {
  return ["ENOENT", "ECONNREFUSED"].includes(codeOf(cause));
}

function unreachable(socket: string, cause: unknown): CommandError {
  const { unreachable: status } = exitStatus;
  switch (codeOf(cause)) {
    case "ENOENT":
    case "ECONNREFUSED":
      return new CommandError(
        status,
        `popgate is not running: nobody answers at ${socket}.\n` +
          "Start it with `systemctl start popgate`, or `popgate run --config FILE`. " +
          "If its socket is elsewhere, name it with --socket, or its configuration with --config.",
        { cause },
      );
    case "EACCES":
    case "EPERM":
      return new CommandError(
        status,
        `you may not open ${socket}: use sudo, or become a member of the group that owns it`,
        { cause },
      );
    default:
      return new CommandError(status, `popgate has not answered at ${socket}: ${textOf(cause)}. Its log may say why.`, {
        cause,
      });
  }
}

function refusal(httpStatus: number, answer: unknown): CommandError {
  const result = problem.safeParse(answer);
  const words = result.success ? wordsOf(result.data) : `popgate answered with HTTP status ${httpStatus}`;
  return new CommandError(statusFor(httpStatus), words);
}

function wordsOf({ title, detail, errors = [] }: Problem): string {
  const causes = errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  return causes.length === 0 ? (detail ?? title) : `${title}:\n${causes.join("\n")}`;
}

function statusFor(httpStatus: number): ExitStatus {
  switch (httpStatus) {
    case 400:
    case 422:
      return exitStatus.usage;
    case 404:
      return exitStatus.notFound;
    case 409:
      return exitStatus.refused;
    default:
      return exitStatus.failed;
  }
}

async function readJson(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let octets = 0;
  try {
    for await (const buffer of buffers(response)) {
      octets += buffer.length;
      if (octets > largestAnswer)
        throw new CommandError(exitStatus.failed, "the answer is too large: narrow it with a filter");
      chunks.push(buffer);
    }
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(exitStatus.failed, "the answer has not come whole: popgate may have been stopped", {
      cause: error,
    });
  }
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a response without an encoding gives buffers
const buffers = (response: IncomingMessage): AsyncIterable<Buffer> => response as AsyncIterable<Buffer>;

function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : "";
}
