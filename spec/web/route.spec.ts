/** Places of the page and their paths: each leads back to itself, and rubbish leads nowhere. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { filterOf, parseRoute, pathOf, withQuery, type Route } from "../../web/route.ts";

const text = fc
  .string({ unit: "grapheme", minLength: 1 })
  .filter((each) => each.trim() === each && each.isWellFormed());
const filter = fc.record(
  {
    state: fc.constantFrom("queued" as const, "held" as const),
    direction: fc.constantFrom("inbound" as const, "outbound" as const),
    account: text,
    recipient: text,
    sender: text,
    subject: text,
    reason: text,
    olderThanMs: fc.nat(),
    youngerThanMs: fc.nat(),
  },
  { requiredKeys: [] },
);
const route: fc.Arbitrary<Route> = fc.oneof(
  fc.constantFrom<Route>({ kind: "overview" }, { kind: "accounts" }, { kind: "doctor" }, { kind: "held" }),
  fc.record({ kind: fc.constant("find" as const), query: text }),
  fc.record({ kind: fc.constant("held" as const), reason: text }),
  fc.record({ kind: fc.constant("message" as const), id: text.filter((each) => !/^\.{1,2}$/u.test(each)) }),
  fc.record({ kind: fc.constant("queue" as const), filter }),
  fc.record({ kind: fc.constant("queue" as const), filter, after: text }),
);

test("the path of a place leads to that place, through a browser's URL too", () => {
  fc.assert(
    fc.property(route, (each) => {
      const url = new URL(pathOf(each), "http://127.0.0.1:8025");
      expect(url.host).toBe("127.0.0.1:8025");
      expect(parseRoute(url.pathname, url.search)).toEqual(each);
    }),
  );
});

test.each(["/nothing", "/queue/1", "/message", "/message/a/b", "/message/%E0%A4%A", "//else.example/x", "/Queue"])(
  "%s is no place",
  (path) => {
    expect(parseRoute(path, "")).toEqual({ kind: "unknown", path });
  },
);

test("what cannot be a filter is left out", () => {
  const query = new URLSearchParams(
    "state=gone&direction=up&olderThanMs=-5&youngerThanMs=1e9&subject=++&recipient=+a+&x=y",
  );
  expect(filterOf(query)).toEqual({ recipient: "a" });
});

test("empty values leave no trace in a path", () => {
  expect(withQuery("/v1/messages", { state: "", after: undefined, limit: 50, subject: "a&b=c" })).toBe(
    "/v1/messages?limit=50&subject=a%26b%3Dc",
  );
});
