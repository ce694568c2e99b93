/** The known name that a mistyped one was most likely meant to be. */

/** What administrators know by another name from other programs. */
const otherNames: Readonly<Record<string, string>> = {
  username: "user",
  login: "user",
  pass: "password",
  passwd: "password",
  secret: "password",
  server: "host",
  hostname: "host",
  address: "host",
  ssl: "tls",
  starttls: "tls",
  interval: "every",
  poll: "every",
  schedule: "cron",
  header: "envelope",
  headers: "envelope",
  limit: "max_size",
  maxsize: "max_size",
  recipients: "deliver_to",
  recipient: "deliver_to",
  to: "deliver_to",
  domain: "domains",
  path: "dir",
  directory: "dir",
  smarthost: "exchange",
  accounts: "collector",
  account: "collector",
  provider: "profile",
};

/** `undefined` when nothing is near enough to be worth proposing. */
export function nearestKey(written: string, known: readonly string[]): string | undefined {
  const plain = written.toLowerCase().replaceAll("-", "_");
  const other = otherNames[plain];
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(plain, name);
    if (best === undefined || distance < best.distance) best = { name, distance };
  }
  const near = best !== undefined && best.distance <= Math.max(1, Math.floor(best.name.length / 3)) ? best : undefined;
  if (other !== undefined && known.includes(other) && (near === undefined || near.distance > 1)) return other;
  return near?.name;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
