/** The geometry of plots: numbers in, places on a drawing out. Pure. */

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Bar {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly index: number;
  readonly series: number;
}

export interface Scale {
  readonly max: number;
  readonly ticks: readonly number[];
}

/** Round numbers from 0 to a little over `max`, a handful of them; `step` rounds the way between two up: to tens, or to what a clock knows. */
export function scaleOf(max: number, step: (wanted: number) => number = tenStep): Scale {
  const size = step(Math.max(max, Number.MIN_VALUE) / 4);
  const count = Math.max(1, Math.ceil(max / size));
  return { max: count * size, ticks: Array.from({ length: count + 1 }, (_, index) => index * size) };
}

/** 1, 2, 5, 10, 20, …: never less than 1, since it is things that are counted. */
export function tenStep(wanted: number): number {
  if (wanted <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return ([1, 2, 5, 10].find((factor) => factor * power >= wanted) ?? 10) * power;
}

/** Steps that a clock knows, in milliseconds: a minute, five, an hour, a day, … */
export function timeStep(wanted: number): number {
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440].map((each) => each * 60_000);
  return minutes.find((each) => each >= wanted) ?? tenStep(wanted / 86_400_000) * 86_400_000;
}

/** Series side by side in each place along the foot. What is 0 has no bar; what is not 0 can be seen. */
export function barsOf(series: readonly (readonly number[])[], max: number, box: Box): Bar[] {
  const places = Math.max(1, ...series.map(({ length }) => length));
  const place = box.width / places;
  const width = (place * 0.8) / series.length;
  return series.flatMap((values, which) =>
    values.flatMap((value, index) => {
      if (value <= 0) return [];
      const height = Math.max(1, (Math.min(value, max) / max) * box.height);
      const x = box.left + index * place + place * 0.1 + which * width;
      return [{ x, y: box.top + box.height - height, width, height, index, series: which }];
    }),
  );
}

/** A line through the middle of each place, broken where nothing is known. Points that stand alone are a short stroke. */
export function lineOf(values: readonly (number | undefined)[], max: number, box: Box): string {
  const place = box.width / Math.max(1, values.length);
  let path = "";
  values.forEach((value, index) => {
    if (value === undefined) return;
    const x = box.left + (index + 0.5) * place;
    const y = box.top + box.height - (Math.min(value, max) / max) * box.height;
    const isAfter = index > 0 && values[index - 1] !== undefined;
    path += isAfter ? `L${round(x)} ${round(y)}` : `M${round(x - 1)} ${round(y)}L${round(x)} ${round(y)}`;
  });
  return path;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
