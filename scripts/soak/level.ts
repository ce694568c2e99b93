/**
 * Whether what was measured in a soak run levels off. Pure. The first quarter of the samples is warming up; then the median
 * of the last quarter may be higher than that of the second one by a share and an allowance, no more.
 *
 * Fewer samples than twelve say nothing, and count as not levelling off.
 */

export interface Rule {
  /** 0.1: a tenth more. */
  readonly share: number;
  /** In the unit of the series, on top of the share. */
  readonly allowance: number;
}

export interface Finding {
  readonly name: string;
  readonly isLevel: boolean;
  readonly words: string;
}

const fewest = 12;

/** `values`: one for each sample, in order; what could not be measured is NaN. */
export function judged(name: string, rule: Rule, values: readonly number[]): Finding {
  const good = values.filter((value) => Number.isFinite(value));
  if (good.length < fewest) return { name, isLevel: false, words: `only ${good.length} samples` };
  const quarter = (number: number) =>
    good.slice(Math.floor((good.length * number) / 4), Math.floor((good.length * (number + 1)) / 4));
  const second = median(quarter(1));
  const last = median(quarter(3));
  const limit = second * (1 + rule.share) + rule.allowance;
  return { name, isLevel: last <= limit, words: `${text(second)} then ${text(last)}, at most ${text(limit)}` };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function text(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}
