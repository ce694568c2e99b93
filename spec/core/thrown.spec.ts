import { describe, expect, it } from "vitest";
import { asError, messageOf, traceOf } from "../../src/core/thrown.ts";

const withoutStack = new Error("disk full");
delete withoutStack.stack;

describe("whatever was thrown", () => {
  it.each([
    ["an error", new TypeError("no table"), "no table", /^TypeError: no table\n {4}at /u],
    ["an error without a stack", withoutStack, "disk full", /^disk full$/u],
    ["text", "gone", "gone", /^gone$/u],
    ["nothing", undefined, "undefined", /^undefined$/u],
    ["an object without words", Object.create(null), "something without words", /^something without words$/u],
  ])("%s can be told", (_, thrown: unknown, message, trace) => {
    expect(messageOf(thrown)).toBe(message);
    expect(traceOf(thrown)).toMatch(trace);
    expect(asError(thrown).message).toBe(message);
  });

  it("is the same error when it is one", () => {
    expect(asError(withoutStack)).toBe(withoutStack);
  });
});
