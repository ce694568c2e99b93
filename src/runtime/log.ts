/**
 * The log: one line for each event, as JSON for machines (journald, a log collector) or as text for people.
 *
 * Guarantees: a line has level, time, the event's kind, its message id and account where it has them, and the event's
 * words; nothing else of an event is written. Registered secrets are taken out (`redaction.ts`). Lines are written in
 * the order of the events and before `emit` returns to a file or terminal, so that a crash does not swallow the line
 * that explains it. Colours only on a terminal; systemd's journal is told each line's level.
 *
 * Fails silently: when the log cannot be written (its reader has gone), mail goes on.
 */
import type { EventEmitter } from "node:events";
import { fstatSync } from "node:fs";
import { isatty } from "node:tty";
import { pino, type DestinationStream } from "pino";
import { prettyFactory } from "pino-pretty";
import { eventLevel, eventText, type EventLevel } from "../core/event-words.ts";
import type { EventSink, PopgateEvent } from "../core/events.ts";
import { Redaction } from "./redaction.ts";

/** Where lines go: a file descriptor, or a stream that the caller owns and ends. */
type LogDestination = number | NodeJS.WritableStream;

export interface LogOptions {
  /** Events below are not written. */
  readonly level: EventLevel;
  /** Lines for people. */
  readonly pretty: boolean;
  readonly destination: LogDestination;
  /** The journal reads it, and takes each line's level from it; found out where it is left out. */
  readonly journal?: boolean;
}

export interface Log extends EventSink, AsyncDisposable {
  /** From now on this value appears in no line. */
  registerSecret(value: string): void;
  /** Resolves when everything emitted so far has been handed to the destination. */
  flush(): Promise<void>;
}

export function createLog(options: LogOptions): Log {
  const redaction = new Redaction();
  const out = openDestination(options.destination);
  const journal = options.journal ?? isJournal(options.destination);
  const told = options.pretty ? prettyFormat(options.destination) : (line: string) => line;
  const lines = {
    write: (line: string) => out.stream.write(journal ? `${priorityOf(line)}${told(line)}` : told(line)),
  };
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    lines,
  );
  return {
    emit: (event) => logger[eventLevel(event)](fieldsOf(event, redaction), redaction.clean(eventText(event))),
    registerSecret: (value) => redaction.register(value),
    flush: () => out.flush(),
    [Symbol.asyncDispose]: () => out.flush(),
  };
}

/** Lists in a line for machines are no longer than this; the words have them whole. */
const mostItems = 100;

/** What the event says, for machines: its words stand beside it. */
function fieldsOf({ kind, ...rest }: PopgateEvent, redaction: Redaction): Record<string, unknown> {
  const fields: Record<string, unknown> = { event: kind };
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) fields[name] = cleaned(value, redaction);
  return fields;
}

function cleaned(value: unknown, redaction: Redaction): unknown {
  if (typeof value === "string") return redaction.clean(value.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " "));
  return Array.isArray(value) ? value.slice(0, mostItems).map((item: unknown) => cleaned(item, redaction)) : value;
}

interface Out {
  readonly stream: DestinationStream;
  flush(): Promise<void>;
}

function openDestination(destination: LogDestination): Out {
  if (typeof destination === "number") {
    const stream = pino.destination({ fd: destination, sync: true });
    ignoreErrors(stream);
    return { stream, flush: () => Promise.resolve(stream.flushSync()) };
  }
  ignoreErrors(destination);
  return {
    stream: { write: (line) => void destination.write(line) },
    flush: () => new Promise((resolve) => void destination.write("", () => resolve())),
  };
}

/** The words alone, with time and level: they name account and message themselves. */
function prettyFormat(destination: LogDestination): (line: string) => string {
  return prettyFactory({
    colorize: typeof destination === "number" && isatty(destination),
    translateTime: "SYS:yyyy-mm-dd HH:MM:ss",
    hideObject: true,
  });
}

/** Syslog's numbers (RFC 5424 §6.2.1) by pino's names. */
const priorities = new Map([
  ["debug", 7],
  ["info", 6],
  ["warn", 4],
  ["error", 3],
]);

/** What sd-daemon(3) has before a line; the journal takes it off. The level stands first in each of pino's lines. */
function priorityOf(line: string): string {
  const level = /^\{"level":"([a-z]+)"/u.exec(line)?.[1] ?? "";
  return `<${priorities.get(level) ?? 6}>`;
}

/** systemd.exec(5): `JOURNAL_STREAM` is device and inode of what it has connected to the journal. */
function isJournal(destination: LogDestination): boolean {
  const stream = process.env["JOURNAL_STREAM"];
  if (stream === undefined || typeof destination !== "number") return false;
  const { dev, ino } = fstatSync(destination);
  return stream === `${dev}:${ino}`;
}

/** A closed pipe must not end the program: without a listener, `error` would. */
function ignoreErrors(stream: EventEmitter | NodeJS.EventEmitter): void {
  stream.on("error", () => undefined);
}
