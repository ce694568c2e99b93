/** Times, durations and sizes for the eye, in the words of a language. Pure: what the time is now is given in. */

export type Language = "en" | "de";

const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
] as const;

/** Short, in the local zone: without the day when it is today's. */
export function timeText(at: number, now: number, language: Language): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString();
  const date: Intl.DateTimeFormatOptions = isToday ? {} : { day: "2-digit", month: "short", year: yearOf(at, now) };
  const time: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };
  return new Intl.DateTimeFormat(localeOf(language), withoutUndefined({ ...date, ...time })).format(at);
}

/** Only the hour and minute, for the foot of a plot. */
export function hourText(at: number, language: Language): string {
  return new Intl.DateTimeFormat(localeOf(language), { hour: "2-digit", minute: "2-digit", hour12: false }).format(at);
}

/** ISO 8601 in the local zone with its offset, to the second. */
export function isoLocal(at: number): string {
  const date = new Date(at);
  const offset = -date.getTimezoneOffset();
  const two = (value: number): string => String(Math.trunc(Math.abs(value))).padStart(2, "0");
  const local = new Date(at + offset * 60_000).toISOString().slice(0, 19);
  return `${local}${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(offset % 60)}`;
}

/** The two largest units: `3 hr 12 min`. */
export function durationText(ms: number, language: Language): string {
  const parts: string[] = [];
  let rest = Math.max(0, ms);
  for (const [unit, length] of units) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    // Nothing is left out between two that are told.
    if (count > 0) parts.push(unitText(count, unit, language));
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? unitText(0, "second", language) : parts.join(" ");
}

/** Octets, with one digit after the point from a kilobyte on. */
export function sizeText(octets: number, language: Language): string {
  const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  let value = octets;
  let step = 0;
  while (value >= 1000 && step < names.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step === 0 ? 0 : 1;
  return new Intl.NumberFormat(localeOf(language), {
    style: "unit",
    unit: names[step] ?? "byte",
    // Of bytes there is no short form that everybody reads.
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: digits,
  }).format(value);
}

export function numberText(value: number, language: Language): string {
  return new Intl.NumberFormat(localeOf(language)).format(value);
}

function unitText(count: number, unit: string, language: Language): string {
  return new Intl.NumberFormat(localeOf(language), { style: "unit", unit, unitDisplay: "short" }).format(count);
}

/** English with the day before the month and 24 hours: what administrators of Europe read. */
function localeOf(language: Language): string {
  return language === "de" ? "de-DE" : "en-GB";
}

function yearOf(at: number, now: number): "numeric" | undefined {
  return new Date(at).getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
}

function withoutUndefined(options: { readonly [name: string]: unknown }): Intl.DateTimeFormatOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
