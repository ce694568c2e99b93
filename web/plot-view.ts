/** Plots as SVG, with what they show in words and, folded away, in numbers. */
import type { Around } from "./around.ts";
import { h, svg, type Child } from "./dom.ts";
import { hourText } from "./format.ts";
import { barsOf, lineOf, scaleOf, type Box, type Scale } from "./plot.ts";
import { table } from "./parts.ts";

interface Series {
  readonly name: string;
  readonly values: readonly (number | undefined)[];
}

export interface Plot {
  readonly id: string;
  readonly title: string;
  readonly kind: "bars" | "line";
  /** Begin of each hour. */
  readonly hours: readonly number[];
  readonly series: readonly Series[];
  readonly step?: (wanted: number) => number;
  readonly text: (value: number) => string;
}

const width = 480;
const height = 160;
const box: Box = { left: 52, top: 10, width: width - 60, height: height - 36 };
/** Hours between two marks at the foot. */
const markEvery = 12;

export function plotOf(around: Around, plot: Plot): HTMLElement {
  const { words } = around;
  const values = plot.series.map((each) => each.values);
  const max = Math.max(0, ...values.flat().map((value) => value ?? 0));
  const scale = scaleOf(max, plot.step);
  const most = plot.series.map((each) =>
    words.overviewPage.most(each.name, plot.text(Math.max(0, ...each.values.map((value) => value ?? 0)))),
  );
  return h(
    "figure",
    { class: "plot" },
    h("figcaption", { id: `${plot.id}-title` }, plot.title, legend(plot)),
    svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${plot.title}. ${most.join(", ")}` },
      grid(plot, scale),
      feet(around, plot),
      plot.kind === "bars" ? bars(plot, scale) : lines(plot, scale),
    ),
    h("details", {}, h("summary", {}, words.overviewPage.table), numbers(around, plot)),
  );
}

/** A single series is named by the title. */
function legend({ series }: Plot): Child {
  if (series.length < 2) return undefined;
  return h(
    "span",
    { class: "legend" },
    series.map(({ name }, index) => h("span", { class: `key s${index}` }, name)),
  );
}

function grid({ text }: Plot, { max, ticks }: Scale): Child {
  return ticks.map((tick) => {
    const y = box.top + box.height - (tick / max) * box.height;
    return [
      svg("line", { class: "grid", x1: box.left, x2: box.left + box.width, y1: y, y2: y }),
      svg("text", { class: "tick", x: box.left - 5, y: y + 4, "text-anchor": "end" }, text(tick)),
    ];
  });
}

function feet({ language }: Around, { hours }: Plot): Child {
  const place = box.width / Math.max(1, hours.length);
  return hours.flatMap((at, index) => {
    if (new Date(at).getHours() % markEvery !== 0) return [];
    const x = box.left + index * place;
    return [
      svg("line", { class: "grid", x1: x, x2: x, y1: box.top + box.height, y2: box.top + box.height + 4 }),
      svg("text", { class: "tick", x, y: height - 8, "text-anchor": "middle" }, hourText(at, language)),
    ];
  });
}

function bars({ series }: Plot, { max }: Scale): Child {
  const values = series.map((each) => each.values.map((value) => value ?? 0));
  return barsOf(values, max, box).map(({ x, y, width, height, series }) =>
    svg("rect", { class: `column s${series}`, x, y, width, height }),
  );
}

function lines({ series }: Plot, { max }: Scale): Child {
  return series.map(({ values }, index) => svg("path", { class: `line s${index}`, d: lineOf(values, max, box) }));
}

function numbers({ words, language }: Around, { title, hours, series, text }: Plot): HTMLElement {
  const rows = hours
    .map((at, index) => ({ at, values: series.map(({ values }) => values[index]) }))
    .filter(({ values }) => values.some((value) => value !== undefined && value > 0))
    .toReversed();
  if (rows.length === 0) return h("p", { class: "quiet" }, words.none);
  return table(
    title,
    [
      { title: words.overviewPage.hour, isHeading: true, show: ({ at }) => hourText(at, language) },
      ...series.map(({ name }, index) => ({
        title: name,
        show: ({ values }: (typeof rows)[number]) => {
          const value = values[index];
          return value === undefined ? "–" : text(value);
        },
      })),
    ],
    rows,
  );
}
