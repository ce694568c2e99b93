/** Times, ages and sizes, short enough for a column. Local time: it is what the clock on the wall says. */

/** `2026-11-24 08:12:33`. */
export function timeText(at: number): string {
  const date = new Date(at);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${clockText(at)}`;
}

/** `08:12:33`. */
export function clockText(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

const units = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1000, "s"],
] as const;

/** The two largest units: `2h 5m`, `3d`, `12s`, `0s`. */
export function spanText(ms: number): string {
  let rest = Math.max(0, ms);
  const first = units.findIndex(([length]) => rest >= length);
  if (first < 0) return "0s";
  const parts: string[] = [];
  for (const [length, name] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count}${name}`);
  }
  return parts.join(" ");
}

/** `2h 5m ago`, `in 4m`, `now`. */
export function relativeText(at: number, now: number): string {
  if (Math.abs(at - now) < 1000) return "now";
  return at <= now ? `${spanText(now - at)} ago` : `in ${spanText(at - now)}`;
}

/** `512 B`, `12.3 kB`, `150 MB`. */
export function octetsText(octets: number): string {
  if (octets < 1000) return `${octets} B`;
  const names = ["kB", "MB", "GB", "TB"];
  let value = octets / 1000;
  let index = 0;
  while (value >= 999.5 && index < names.length - 1) {
    value /= 1000;
    index += 1;
  }
  return `${value >= 99.95 ? Math.round(value) : Math.round(value * 10) / 10} ${names[index] ?? ""}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
