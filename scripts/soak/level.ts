/**
 * Whether what was measured in a soak run levels off. Pure. The first quarter of the samples is warming up; then the median
 * of the last quarter is compared with that of the second one:
 *
 * - `level` series (memory, open files, reader slots, delay of the event loop) may be higher by a share and an allowance
 * - `history` series (the spool's file and its used pages) grow with every message by design, since what became of it is
 *   kept for `history_days`: what each message adds may not become more, nor exceed a bound
 *
 * Fewer samples than twelve say nothing, and count as not levelling off.
 */

export type Rule =
  | { readonly kind: "level"; readonly share: number; readonly allowance: number }
  | { readonly kind: "history"; readonly share: number; readonly allowance: number; readonly most: number };

export interface Finding {
  readonly name: string;
  readonly isLevel: boolean;
  readonly words: string;
}

const fewest = 12;

/** `values` and `messages`: one of each for each sample, in order; what could not be measured is NaN. */
export function judged(name: string, rule: Rule, values: readonly number[], messages: readonly number[]): Finding {
  const samples = values.map((value, at) => ({ value, messages: messages[at] ?? Number.NaN }));
  const good = samples.filter((sample) => Number.isFinite(sample.value) && Number.isFinite(sample.messages));
  if (good.length < fewest) return { name, isLevel: false, words: `only ${good.length} samples` };
  const quarter = (number: number) =>
    good.slice(Math.floor((good.length * number) / 4), Math.floor((good.length * (number + 1)) / 4));
  if (rule.kind === "level") {
    const second = median(quarter(1).map(({ value }) => value));
    const last = median(quarter(3).map(({ value }) => value));
    const limit = second * (1 + rule.share) + rule.allowance;
    return { name, isLevel: last <= limit, words: `${text(second)} then ${text(last)}, at most ${text(limit)}` };
  }
  const second = perMessage(quarter(1));
  const last = perMessage(quarter(3));
  const limit = Math.min(rule.most, second * (1 + rule.share) + rule.allowance);
  return {
    name,
    isLevel: last <= limit,
    words: `${text(second)} then ${text(last)} for each message, at most ${text(limit)}`,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** From the first half of a quarter to its second one, each by its median: a single sample decides nothing. */
function perMessage(samples: readonly { readonly value: number; readonly messages: number }[]): number {
  const middle = Math.floor(samples.length / 2);
  const early = samples.slice(0, middle);
  const late = samples.slice(middle);
  const grown = median(late.map(({ value }) => value)) - median(early.map(({ value }) => value));
  const handled = median(late.map(({ messages }) => messages)) - median(early.map(({ messages }) => messages));
  return handled <= 0 ? Number.NaN : Math.max(0, grown) / handled;
}

function text(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}
