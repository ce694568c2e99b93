/** Times, durations and sizes for the eye, in both languages. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { durationText, isoLocal, numberText, sizeText, timeText } from "../../web/format.ts";

const now = Date.UTC(2026, 10, 3, 9, 0, 0);
const zone = process.env["TZ"];

beforeAll(() => {
  process.env["TZ"] = "Europe/Berlin";
});
afterAll(() => {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
});

describe("times", () => {
  test("of today are without the day, of this year without the year, in the local zone", () => {
    expect(timeText(Date.UTC(2026, 10, 3, 7, 5, 9), now, "en")).toBe("08:05:09");
    expect(timeText(Date.UTC(2026, 9, 3, 7, 5, 9), now, "en")).toBe("03 Oct, 09:05:09");
    expect(timeText(Date.UTC(2025, 9, 3, 7, 5, 9), now, "de")).toBe("03. Okt. 2025, 09:05:09");
    expect(timeText(Date.UTC(2026, 10, 2, 23, 30, 0), now, "de")).toBe("00:30:00");
  });

  test("in full have the zone's offset, in summer and in winter, east and west", () => {
    expect(isoLocal(Date.UTC(2026, 10, 3, 7, 5, 9))).toBe("2026-11-03T08:05:09+01:00");
    expect(isoLocal(Date.UTC(2026, 6, 3, 7, 5, 9))).toBe("2026-07-03T09:05:09+02:00");
    process.env["TZ"] = "America/St_Johns";
    expect(isoLocal(Date.UTC(2026, 10, 3, 2, 5, 9))).toBe("2026-11-02T22:35:09-03:30");
    process.env["TZ"] = "Europe/Berlin";
  });
});

test.each([
  [0, "0 secs", "0 Sek."],
  [59_999, "59 secs", "59 Sek."],
  [60_000, "1 min", "1 Min."],
  [3_600_000 + 12 * 60_000 + 5000, "1 hr 12 mins", "1 Std. 12 Min."],
  [3_600_000 + 5000, "1 hr", "1 Std."],
  [49 * 3_600_000, "2 days 1 hr", "2 Tg. 1 Std."],
  [-5, "0 secs", "0 Sek."],
])("%i ms are %s, %s", (ms, english, german) => {
  expect(durationText(ms, "en")).toBe(english);
  expect(durationText(ms, "de").replaceAll("\u00a0", " ")).toBe(german);
});

test.each([
  [1, "1 byte", "1 Byte"],
  [999, "999 bytes", "999 Byte"],
  [1000, "1 kB", "1 kB"],
  [1_549_000, "1.5 MB", "1,5 MB"],
  [3e15, "3,000 TB", "3.000 TB"],
])("%i octets are %s, %s", (octets, english, german) => {
  expect(sizeText(octets, "en").replaceAll("\u00a0", " ")).toBe(english);
  expect(sizeText(octets, "de").replaceAll("\u00a0", " ")).toBe(german);
});

test("numbers have the language's groups", () => {
  expect([numberText(12_345, "en"), numberText(12_345, "de")]).toEqual(["12,345", "12.345"]);
});
