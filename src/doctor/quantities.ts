/** Times and sizes in the doctor's sentences. Pure. */

const times = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1000, "second"],
] as const;

/** `15 minutes`, `90 seconds`, `1 hour`: in the largest unit that it is a whole number of. */
export function durationWords(ms: number): string {
  const [length, name] = times.find(([unit]) => ms >= unit && ms % unit === 0) ?? times[3];
  const count = Math.round((ms / length) * 10) / 10;
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

const sizes = [
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
] as const;

/** `12.3 MB`. */
export function sizeWords(octets: number): string {
  const [size, name] = sizes.find(([unit]) => octets >= unit) ?? [1, "octets"];
  return `${Math.round((octets / size) * 10) / 10} ${name}`;
}
