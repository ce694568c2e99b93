/** Draws the way of a message: its stations in a row, or one below the other, with a sign for how it stands at each. */
import type { Explanation, Step } from "../src/admin/schemas.ts";
import type { Around } from "./around.ts";
import { h, svg, type Child } from "./dom.ts";
import { timeOf } from "./parts.ts";
import { plain } from "./plain.ts";
import { stationsOf, type Standing, type Station } from "./stations.ts";

const signs: Readonly<Record<Standing, string>> = {
  done: "M7 12.5l3.5 3.5L17 8.5",
  waiting: "M9.5 8v8 M14.5 8v8",
  failed: "M8.5 8.5l7 7 M15.5 8.5l-7 7",
  ahead: "M8 12h8",
};

export function wayOf(around: Around, explanation: Explanation): HTMLElement {
  return h(
    "ol",
    { class: "way" },
    stationsOf(explanation).map((station) => stationOf(around, station)),
  );
}

function stationOf(around: Around, { name, standing, steps }: Station): HTMLElement {
  const { stations, standings } = around.words.messagePage;
  return h(
    "li",
    { class: `station ${standing}` },
    h(
      "div",
      { class: "sign" },
      svg(
        "svg",
        { viewBox: "0 0 24 24", width: 24, height: 24, "aria-hidden": "true", focusable: "false" },
        svg("circle", { cx: 12, cy: 12, r: 11 }),
        svg("path", { d: signs[standing] }),
      ),
    ),
    h(
      "div",
      { class: "stop" },
      h("h3", {}, stations[name], " ", h("span", { class: "quiet" }, standings[standing])),
      steps.length === 0
        ? undefined
        : h(
            "ul",
            { lang: "en" },
            steps.map((step) => h("li", { class: tone(step) }, stepText(around, step))),
          ),
    ),
  );
}

function tone({ good, kind }: Step): string {
  if (good === false) return "bad";
  return kind === "ignored" ? "quiet" : "";
}

function stepText(around: Around, { at, text }: Step): Child {
  return [
    h("bdi", {}, plain(text)),
    at === undefined ? undefined : [" ", h("span", { class: "quiet" }, timeOf(around, at))],
  ];
}
