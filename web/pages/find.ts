/** Where a mail is: by address, Message-ID or queue id, in the queue and in the history. */
import type { Explanation } from "../../src/admin/schemas.ts";
import { loading, type Around, type PageMaker } from "../around.ts";
import { h, type Child } from "../dom.ts";
import { foreign, link, recipientsText, stateBadge, subjectText, timeOf } from "../parts.ts";
import { plain } from "../plain.ts";

export const findPage: PageMaker<"find"> = (around, { query }) => {
  const { api, words } = around;
  const region = h("div", { id: "found" });
  const show = (found: readonly Explanation[]): Child =>
    found.length === 0
      ? h("p", { id: "found-nothing" }, words.find.nothing)
      : [
          h("p", { role: "status" }, words.find.results(found.length)),
          h(
            "ol",
            { class: "cards" },
            found.map((each) => card(around, each)),
          ),
        ];
  if (query === "") return { title: words.find.title, content: [h("p", {}, words.find.hint)] };
  const again = loading(around, region, (signal) => api.explain(query, signal), show);
  around.onChange(again, ({ message }) => message !== undefined);
  return {
    title: words.find.title,
    content: [h("p", { class: "quiet" }, words.find.label, ": ", foreign(query)), region],
  };
};

function card(around: Around, { message, summary }: Explanation): HTMLElement {
  return h(
    "li",
    { class: "card" },
    h("p", {}, stateBadge(around, message.state), " ", timeOf(around, message.receivedAt)),
    h(
      "h2",
      {},
      link({ kind: "message", id: message.id }, { id: `message-${message.id}` }, subjectText(around, message.subject)),
    ),
    h("p", {}, around.words.fields.from, ": ", foreign(message.from)),
    h("p", {}, around.words.fields.to, ": ", recipientsText(around, message)),
    // The server's own words.
    h("p", { lang: "en", class: "summary" }, h("bdi", {}, plain(summary))),
  );
}
