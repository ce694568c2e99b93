/** Accounts at the provider and destinations, each with what can be done to it. */
import type { AccountStatus, DestinationStatus, PollResult, Status } from "../../src/admin/schemas.ts";
import { loading, tried, type Around, type PageMaker } from "../around.ts";
import { accountState, destinationState } from "../conditions.ts";
import { h, type Child } from "../dom.ts";
import { agoOf, button, foreign, section, table } from "../parts.ts";
import { plain } from "../plain.ts";

export const accountsPage: PageMaker<"accounts"> = (around) => {
  const { api, words } = around;
  const region = h("div", { id: "status" });
  const again: () => Promise<void> = loading(
    around,
    region,
    (signal) => api.status(signal),
    (status) => show(around, status, async () => again()),
  );
  around.onChange(again);
  const reload = (): void =>
    void tried(around, async () => {
      await api.reload(around.signal);
      around.say(words.accountsPage.reloaded);
      await again();
    });
  const pollAll = (): void => void poll(around, undefined, again);
  return {
    title: words.accounts,
    content: [
      h(
        "div",
        { class: "bar" },
        button("poll-all", pollAll, words.accountsPage.pollAll, { class: "primary" }),
        button("reload", reload, words.actions.reload),
      ),
      region,
    ],
  };
};

function show(around: Around, { accounts, destinations }: Status, again: () => Promise<void>): Child {
  const { accountsPage, overviewPage } = around.words;
  return [
    section(
      "account-table",
      overviewPage.accounts,
      accounts.length === 0
        ? h("p", { class: "quiet" }, accountsPage.noAccounts)
        : accountTable(around, accounts, again),
    ),
    section(
      "destination-table",
      overviewPage.destinations,
      destinations.length === 0
        ? h("p", { class: "quiet" }, accountsPage.noDestinations)
        : destinationTable(around, destinations, again),
    ),
  ];
}

function accountTable(around: Around, accounts: readonly AccountStatus[], again: () => Promise<void>): HTMLElement {
  const { fields, accountsPage, overviewPage, actions } = around.words;
  return table(
    overviewPage.accounts,
    [
      {
        title: fields.account,
        isHeading: true,
        show: ({ name, kind, host }) => [
          name,
          " ",
          h("span", { class: "quiet" }, `${accountsPage.kinds[kind]}, `, foreign(host)),
        ],
      },
      { title: fields.state, show: (account) => accountState(around, account) },
      {
        title: fields.last,
        show: ({ last, lastPollAt }) => [
          agoOf(around, lastPollAt),
          " ",
          h("span", { lang: "en" }, foreign(last ?? "")),
        ],
      },
      { title: fields.lastSuccess, show: ({ lastSuccessAt }) => agoOf(around, lastSuccessAt) },
      {
        title: fields.nextPoll,
        show: ({ nextPollAt }) => (nextPollAt === undefined ? "–" : agoOf(around, nextPollAt)),
      },
      {
        title: fields.actions,
        show: ({ name, paused, enabled }) => {
          const verb = paused ? "resume" : "pause";
          const label = (text: string): string => accountsPage.of(text, name);
          return h(
            "div",
            { class: "buttons" },
            button(`poll-${name}`, () => void poll(around, name, again), actions.poll, {
              "aria-label": label(actions.poll),
              disabled: !enabled,
            }),
            button(`steer-${name}`, () => void steer(around, "accounts", name, verb, again), actions[verb], {
              "aria-label": label(actions[verb]),
            }),
          );
        },
      },
    ],
    accounts,
  );
}

function destinationTable(
  around: Around,
  destinations: readonly DestinationStatus[],
  again: () => Promise<void>,
): HTMLElement {
  const { fields, accountsPage, overviewPage, actions } = around.words;
  return table(
    overviewPage.destinations,
    [
      { title: fields.destination, isHeading: true, show: ({ name }) => foreign(name) },
      { title: fields.state, show: (each) => destinationState(around, each) },
      { title: fields.since, show: ({ since }) => (since === undefined ? "–" : agoOf(around, since)) },
      { title: fields.next, show: ({ retryAt }) => (retryAt === undefined ? "–" : agoOf(around, retryAt)) },
      { title: fields.running, show: ({ running }) => running },
      { title: fields.detail, show: ({ cause }) => h("span", { lang: "en" }, foreign(cause ?? "", 500)) },
      {
        title: fields.actions,
        show: ({ name, state }) => {
          const verb = state === "stopped" ? "resume" : "pause";
          return button(`steer-${name}`, () => void steer(around, "destinations", name, verb, again), actions[verb], {
            "aria-label": accountsPage.of(actions[verb], name),
          });
        },
      },
    ],
    destinations,
  );
}

async function poll(around: Around, name: string | undefined, again: () => Promise<void>): Promise<void> {
  await tried(around, async () => {
    const results = await around.api.poll(name, around.signal);
    around.say(
      pollText(around, results),
      results.some(({ kind }) => kind !== "done"),
    );
  });
  await again();
}

function pollText({ words }: Around, results: readonly PollResult[]): string {
  if (results.length === 0) return words.accountsPage.noAccounts;
  return results.map(({ account, kind, detail }) => `${account}: ${words.results[kind]}, ${plain(detail)}`).join("; ");
}

async function steer(
  around: Around,
  what: "accounts" | "destinations",
  name: string,
  verb: "pause" | "resume",
  again: () => Promise<void>,
): Promise<void> {
  const { api, signal, words } = around;
  await tried(around, async () => {
    await api.steer(what, name, verb, signal);
    around.say(`${words.accountsPage.of(words.actions[verb], plain(name))}: ${words.results.done}`);
  });
  await again();
}
