/**
 * What the notice desk remembers across restarts: when it last wrote, and which troubles it has told. Pure.
 * What cannot be read is forgotten; that costs one repeated notice.
 */
import type { EpochMs } from "../core/ports.ts";
import type { ToldTroubles } from "./troubles.ts";

interface NoticeMemory {
  readonly lastNoticeAt: EpochMs | undefined;
  readonly told: ToldTroubles;
}

/** As it is given to `Ledger.putState`. */
export function noticeMemory(lastNoticeAt: EpochMs, told: ToldTroubles): unknown {
  return { notice: { lastNoticeAt, told } };
}

/** Reads what `Ledger.state` gave. */
export function readNoticeMemory(state: unknown): NoticeMemory {
  const notice = member(state, "notice");
  const lastNoticeAt = member(notice, "lastNoticeAt");
  const told = member(notice, "told");
  return {
    lastNoticeAt: isTime(lastNoticeAt) ? lastNoticeAt : undefined,
    told: Array.isArray(told) ? told.flatMap(toldOne) : [],
  };
}

function toldOne(entry: unknown): (readonly [string, EpochMs])[] {
  if (!Array.isArray(entry)) return [];
  const key: unknown = entry[0];
  const at: unknown = entry[1];
  return typeof key === "string" && isTime(at) ? [[key, at]] : [];
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function isTime(value: unknown): value is EpochMs {
  return typeof value === "number" && Number.isFinite(value);
}
