/** The places of the page, and the paths that lead there. Pure; both directions, so that each can be shown to be the other's reverse. */
import type { MessageFilter } from "../src/admin/schemas.ts";

/** What the queue is looked through for: the filter of the admin interface, without its paging. */
export type Filter = Omit<MessageFilter, "limit" | "after">;

export type Route =
  | { readonly kind: "overview" }
  | { readonly kind: "find"; readonly query: string }
  | { readonly kind: "queue"; readonly filter: Filter; readonly after?: string }
  | { readonly kind: "held"; readonly reason?: string }
  | { readonly kind: "message"; readonly id: string }
  | { readonly kind: "accounts" }
  | { readonly kind: "doctor" }
  | { readonly kind: "unknown"; readonly path: string };

const textKeys = ["account", "recipient", "sender", "subject", "reason"] as const;
const ageKeys = ["olderThanMs", "youngerThanMs"] as const;

/** What is not understood of a search is left out; a path that is not known is `unknown`. */
export function parseRoute(path: string, search: string): Route {
  const query = new URLSearchParams(search);
  const [first = "", second, ...more] = path.split("/").filter((part) => part !== "");
  if (more.length > 0 || (second !== undefined && first !== "message")) return { kind: "unknown", path };
  switch (first) {
    case "":
      return { kind: "overview" };
    case "find":
      return { kind: "find", query: query.get("q") ?? "" };
    case "queue": {
      const after = query.get("after");
      return { kind: "queue", filter: filterOf(query), ...(after === null ? {} : { after }) };
    }
    case "held": {
      const reason = query.get("reason");
      return reason === null ? { kind: "held" } : { kind: "held", reason };
    }
    case "message": {
      const id = second === undefined ? undefined : decoded(second);
      return id === undefined ? { kind: "unknown", path } : { kind: "message", id };
    }
    case "accounts":
    case "doctor":
      return { kind: first };
    default:
      return { kind: "unknown", path };
  }
}

export function pathOf(route: Route): string {
  switch (route.kind) {
    case "overview":
      return "/";
    case "find":
      return withQuery("/find", { q: route.query });
    case "queue":
      return withQuery("/queue", { ...route.filter, after: route.after });
    case "held":
      return withQuery("/held", { reason: route.reason });
    case "message":
      return `/message/${encodeURIComponent(route.id)}`;
    case "accounts":
    case "doctor":
      return `/${route.kind}`;
    case "unknown":
      return route.path;
  }
}

/** `undefined` and empty values are left out. */
export function withQuery(path: string, values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && value !== "") query.set(name, String(value));
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** From the parameters of an address or the fields of a form. */
export function filterOf(query: URLSearchParams): Filter {
  const state = query.get("state");
  const direction = query.get("direction");
  const texts = textKeys.flatMap((key) => {
    const value = query.get(key)?.trim() ?? "";
    return value === "" ? [] : [[key, value] as const];
  });
  const ages = ageKeys.flatMap((key) => {
    const value = query.get(key) ?? "";
    return /^\d{1,15}$/u.test(value) ? [[key, Number(value)] as const] : [];
  });
  return {
    ...(state === "queued" || state === "held" ? { state } : {}),
    ...(direction === "inbound" || direction === "outbound" ? { direction } : {}),
    ...Object.fromEntries(texts),
    ...Object.fromEntries(ages),
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
