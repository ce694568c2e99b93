/** How it is: what needs a person, what waits, accounts and destinations, the last hours, and what happens now. */
import type { EventMessage, Statistics, Status, Trouble } from "../../src/admin/schemas.ts";
import { loading, type Around, type PageMaker } from "../around.ts";
import { h, replace, type Child } from "../dom.ts";
import { durationText, numberText, sizeText, timeText } from "../format.ts";
import { agoOf, badge, facts, foreign, holdText, link, reasonText, section, timeOf } from "../parts.ts";
import { accountState, destinationState } from "../conditions.ts";
import { plotOf } from "../plot-view.ts";
import { timeStep } from "../plot.ts";
import { cut, plain } from "../plain.ts";

/** Of what has happened so much stays in sight. */
const eventsShown = 30;

export const overviewPage: PageMaker<"overview"> = (around) => {
  const { api, words } = around;
  const status = h("div", { id: "status" });
  const plots = h("div", { id: "plots", class: "plots" });
  const showStatus = loading(
    around,
    status,
    (signal) => api.status(signal),
    (value) => statusParts(around, value),
  );
  const showPlots = loading(
    around,
    plots,
    (signal) => api.statistics(signal),
    (value) => plotParts(around, value),
  );
  around.onChange(async () => void (await Promise.all([showStatus(), showPlots()])));
  return {
    title: words.overview,
    content: [status, section("hours", words.overviewPage.plots, plots), eventPart(around)],
  };
};

function statusParts(around: Around, status: Status): Child {
  const { overviewPage } = around.words;
  return [
    section("troubles", overviewPage.troubles, troubleList(around, status)),
    section("waiting", overviewPage.queue, queueTiles(around, status)),
    section("account-list", overviewPage.accounts, accountList(around, status)),
    section("destination-list", overviewPage.destinations, destinationList(around, status)),
    section("program", overviewPage.program, programFacts(around, status)),
  ];
}

function troubleList(around: Around, { troubles }: Status): Child {
  const { allGood, severities } = around.words.overviewPage;
  if (troubles.length === 0) return h("p", { class: "good-news" }, allGood);
  return h(
    "ul",
    { class: "troubles" },
    troubles.map((trouble) => {
      const { about, detail, remedy } = troubleText(around, trouble);
      return h(
        "li",
        { class: trouble.severity },
        badge(trouble.severity, severities[trouble.severity]),
        " ",
        h("strong", {}, about),
        trouble.since === undefined ? undefined : [" ", h("span", { class: "quiet" }, agoOf(around, trouble.since))],
        h("p", {}, detail),
        h("p", { class: "remedy" }, remedy),
      );
    }),
  );
}

/** Held mail is told of in the words of the page (`status.ts` calls it `3 held: refused`); all else in the server's. */
function troubleText(around: Around, { about, detail, remedy }: Trouble) {
  const [, count, reason] = /^(\d+) held: ([a-z-]+)$/u.exec(about) ?? [];
  if (count !== undefined && reason !== undefined) {
    const words = holdText(around, reason, { meaning: detail, remedy });
    const text = around.words.heldFor(count, reasonText(around, reason));
    const to = link({ kind: "held", reason }, { id: `to-held-${reason}` }, text);
    return { about: to, detail: words.meaning, remedy: words.remedy };
  }
  const english = (text: string): HTMLElement => h("span", { lang: "en" }, foreign(text, 500));
  return { about: foreign(about), detail: english(detail), remedy: english(remedy) };
}

function queueTiles(around: Around, { queue }: Status): Child {
  const { language, words } = around;
  const { overviewPage } = words;
  const tile = (name: string, value: Child, more?: Child): HTMLElement =>
    h(
      "div",
      { class: "tile" },
      h("span", {}, name),
      h("strong", {}, value),
      more === undefined ? undefined : h("small", {}, more),
    );
  const count = (value: number): string => numberText(value, language);
  return h(
    "div",
    { class: "tiles" },
    tile(
      overviewPage.queued,
      link({ kind: "queue", filter: { state: "queued" } }, { id: "to-queued" }, count(queue.queued)),
      `${count(queue.inbound.queued)} ${overviewPage.inbound}, ${count(queue.outbound.queued)} ${overviewPage.outbound}`,
    ),
    tile(overviewPage.heldCount, link({ kind: "held" }, { id: "to-held" }, count(queue.held))),
    tile(overviewPage.oldest, queue.oldestQueuedAt === undefined ? "–" : agoOf(around, queue.oldestQueuedAt)),
    tile(overviewPage.octets, sizeText(queue.octets, language)),
  );
}

function accountList(around: Around, { accounts }: Status): Child {
  const { accountsPage } = around.words;
  if (accounts.length === 0) return h("p", { class: "quiet" }, accountsPage.noAccounts);
  return h(
    "ul",
    { class: "rows" },
    accounts.map((account) =>
      h(
        "li",
        {},
        link({ kind: "accounts" }, { id: `to-account-${account.name}` }, account.name),
        " ",
        accountState(around, account),
        " ",
        h("span", { class: "quiet", lang: "en" }, foreign(account.last ?? "", 200)),
        " ",
        account.lastPollAt === undefined ? undefined : agoOf(around, account.lastPollAt),
      ),
    ),
  );
}

function destinationList(around: Around, { destinations }: Status): Child {
  const { accountsPage } = around.words;
  if (destinations.length === 0) return h("p", { class: "quiet" }, accountsPage.noDestinations);
  return h(
    "ul",
    { class: "rows" },
    destinations.map((each) =>
      h(
        "li",
        {},
        foreign(each.name),
        " ",
        destinationState(around, each),
        " ",
        h("span", { class: "quiet", lang: "en" }, foreign(each.cause ?? "", 200)),
      ),
    ),
  );
}

function programFacts(around: Around, { version, hostname, startedAt, config, spool, listeners }: Status): HTMLElement {
  const { language, words } = around;
  const { overviewPage, fields } = words;
  const { freeOctets, diskOctets } = spool;
  return facts([
    [overviewPage.version, version],
    [fields.server, hostname],
    [overviewPage.running, timeOf(around, startedAt)],
    [overviewPage.configuration, h("code", {}, plain(config))],
    [
      overviewPage.spool,
      [
        h("code", {}, plain(spool.dir)),
        freeOctets === undefined || diskOctets === undefined
          ? undefined
          : [", ", overviewPage.disk(sizeText(freeOctets, language), sizeText(diskOctets, language))],
      ],
    ],
    [overviewPage.listeners, listeners.length === 0 ? words.none : foreign(listeners.join(", "))],
  ]);
}

function plotParts(around: Around, { hours, since }: Statistics): Child {
  const { language, words } = around;
  const { overviewPage } = words;
  const begins = hours.map(({ at }) => at);
  const count = (value: number): string => numberText(value, language);
  const handedOver = hours.map((hour) => Object.values(hour.handedOver).reduce((sum, each) => sum + each, 0));
  return [
    plotOf(around, {
      id: "traffic",
      title: overviewPage.traffic,
      kind: "bars",
      hours: begins,
      series: [
        { name: overviewPage.incoming, values: hours.map(({ received, submitted }) => received + submitted) },
        { name: overviewPage.outgoing, values: handedOver },
      ],
      text: count,
    }),
    plotOf(around, {
      id: "age",
      title: overviewPage.age,
      kind: "line",
      hours: begins,
      series: [{ name: overviewPage.oldest, values: hours.map(({ oldestMs }) => oldestMs) }],
      step: timeStep,
      text: (ms) => (ms === 0 ? "0" : durationText(ms, language)),
    }),
    plotOf(around, {
      id: "polls",
      title: overviewPage.polls,
      kind: "bars",
      hours: begins,
      series: [
        { name: overviewPage.goodPolls, values: hours.map(({ polls }) => polls) },
        { name: overviewPage.failedPolls, values: hours.map(({ failedPolls }) => failedPolls) },
      ],
      text: count,
    }),
    h("p", { class: "quiet" }, overviewPage.counted(timeText(since, around.now(), language))),
  ];
}

function eventPart(around: Around): HTMLElement {
  const { words } = around;
  const shown: EventMessage[] = [];
  const list = h("ol", {
    class: "events",
    role: "log",
    "aria-label": words.overviewPage.events,
    "aria-live": "off",
    tabindex: 0,
  });
  replace(list, h("li", { class: "quiet" }, words.overviewPage.noEvents));
  around.onEvent((event) => {
    if (event.level === "debug") return;
    shown.unshift(event);
    shown.length = Math.min(shown.length, eventsShown);
    replace(
      list,
      shown.map((each) => h("li", { class: each.level }, timeOf(around, each.at), " ", eventText(each))),
    );
  });
  return section("events", words.overviewPage.events, list);
}

function eventText({ message, text }: EventMessage): Child {
  const words = h("bdi", { lang: "en" }, cut(plain(text), 400));
  return message === undefined ? words : link({ kind: "message", id: message }, {}, words);
}
