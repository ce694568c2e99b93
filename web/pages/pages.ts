/** Which page is shown where. */
import type { Around, Page } from "../around.ts";
import { h } from "../dom.ts";
import type { Route } from "../route.ts";
import { accountsPage } from "./accounts.ts";
import { doctorPage } from "./doctor.ts";
import { findPage } from "./find.ts";
import { heldPage } from "./held.ts";
import { messagePage } from "./message.ts";
import { overviewPage } from "./overview.ts";
import { queuePage } from "./queue.ts";

export function pageOf(around: Around, route: Route): Page {
  switch (route.kind) {
    case "overview":
      return overviewPage(around, route);
    case "find":
      return findPage(around, route);
    case "queue":
      return queuePage(around, route);
    case "held":
      return heldPage(around, route);
    case "message":
      return messagePage(around, route);
    case "accounts":
      return accountsPage(around, route);
    case "doctor":
      return doctorPage(around, route);
    case "unknown":
      return { title: around.words.notFound, content: [h("p", {}, around.words.notFound)] };
  }
}
