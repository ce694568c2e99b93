/**
 * The web page for everybody, in real Chromium: with the keyboard alone, on a telephone of 320 pixels, in both languages,
 * dark and light, with names for whoever hears it and contrast for whoever sees little.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { focusIsSeen, faintTexts, namelessParts, tooWide } from "./support/readable.ts";
import {
  bring,
  buildPage,
  goTo,
  keepPicture,
  launch,
  logIn,
  login,
  openPage,
  openWebPlace,
  type WebPlace,
} from "./support/web-place.ts";

let browser: Browser;
let place: WebPlace;
/** Of a held message. */
let heldId: string;

const patience = { timeout: 20_000 };
const longWord = "Donaudampfschifffahrtsgesellschaftskapitänsmütze".repeat(5);

beforeAll(async () => {
  await buildPage();
  browser = await launch();
  place = await openWebPlace();
  place.exchange.set({ atRcpt: { "weg@firma.example": { do: "reply", line: `550 5.1.1 ${"x".repeat(300)}` } } });
  await using watched = await openPage(browser, place.url);
  const { page } = watched;
  await logIn(page);
  await bring(
    page,
    place,
    { to: "anna@firma.example", subject: "Zugestellt" },
    {
      subject: `Breit ${longWord}`,
      from: `${"lang".repeat(15)}@${"name".repeat(12)}.else.example`,
      more: `X-Long: ${"y".repeat(600)}\r\n`,
    },
    { to: "weg@firma.example", subject: "Abgewiesen" },
    { subject: "Mit der Tastatur" },
  );
  await goTo(page, place, "/queue?subject=Breit");
  const href = await page.locator("tbody th a").first().getAttribute("href");
  heldId = href?.split("/").at(-1) ?? "";
});

afterAll(async () => {
  await place?.[Symbol.asyncDispose]();
  await browser?.close();
});

function everywhere(): readonly string[] {
  return [
    "/",
    "/queue?state=held",
    "/held",
    "/held?reason=refused",
    `/message/${heldId}`,
    "/find?q=anna%40firma.example",
    "/accounts",
    "/doctor",
    "/nothing-here",
  ];
}

/** Until what was asked for stands there. */
async function settled(page: Page): Promise<void> {
  await expect.poll(() => page.locator("[aria-busy]").count(), patience).toBe(0);
}

async function focused(page: Page): Promise<string> {
  return page.evaluate<string>(`document.activeElement?.id ?? ""`);
}

/** Presses the key until the focus is there; each stop on the way must be seen. */
async function keyTo(page: Page, id: string, key = "Tab"): Promise<void> {
  for (let pressed = 0; pressed < 80; pressed += 1) {
    await page.keyboard.press(key);
    expect(await page.evaluate<boolean>(focusIsSeen)).toBe(true);
    if ((await focused(page)) === id) return;
  }
  throw new Error(`${id} cannot be reached with ${key}`);
}

test("with the keyboard alone: log in, skip to the content, choose, confirm or not, release", async () => {
  await using watched = await openPage(browser, place.url);
  const { page } = watched;
  await page.locator("#user").waitFor();
  expect(await focused(page)).toBe("user");
  await page.keyboard.type(login.user);
  await page.keyboard.press("Tab");
  await page.keyboard.type(login.password);
  await page.keyboard.press("Enter");
  await page.locator("#sign-out").waitFor();
  expect(await focused(page)).toBe("page-title");

  await page.reload();
  await page.locator("#sign-out").waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate<string>(`document.activeElement.textContent`)).toBe("Skip to the content");
  await expect
    .poll(async () => (await page.locator(".skip").boundingBox())?.y ?? -1, patience)
    .toBeGreaterThanOrEqual(0);
  await page.keyboard.press("Enter");
  expect(await focused(page)).toBe("content");

  await settled(page);
  await keyTo(page, "to-held");
  await page.keyboard.press("Enter");
  await page.locator("#select-all").waitFor();
  expect(await focused(page)).toBe("page-title");
  const box = page.getByRole("checkbox", { name: "Select: Mit der Tastatur" });
  const boxId = (await box.getAttribute("id")) ?? "";
  await keyTo(page, boxId);
  await page.keyboard.press("Space");
  await keyTo(page, "act-release", "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor();
  expect(await focused(page)).toBe("ask-to");
  for (let pressed = 0; pressed < 8; pressed += 1) {
    await page.keyboard.press("Tab");
    // Between the last and the first the browser's own controls have their turn.
    expect(
      await page.evaluate<boolean>(
        `document.activeElement === document.body || document.activeElement.closest("dialog") !== null`,
      ),
    ).toBe(true);
  }
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  expect(await focused(page)).toBe("act-release");

  await page.keyboard.press("Enter");
  await page.keyboard.type("chef@firma.example");
  const before = place.exchange.messages.length;
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await place.exchange.received(before + 1, AbortSignal.timeout(20_000));
  await page.locator(".told.good", { hasText: "1 done" }).waitFor();
  expect(await watched.faults()).toEqual([]);
});

test("dropping asks first, and its first answer is no", async () => {
  await using watched = await openPage(browser, place.url);
  const { page } = watched;
  await logIn(page);
  await goTo(page, place, `/message/${heldId}`);
  await page.locator("#act-drop").click();
  await page.locator("dialog[open]").waitFor();
  expect(await page.evaluate<string>(`document.activeElement.textContent`)).toBe("Cancel");
  await page.keyboard.press("Enter");
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.locator(".station.waiting").waitFor();
});

test.each(["en-GB", "de-DE"])("320 pixels wide nothing has to be scrolled sideways (%s)", async (locale) => {
  await using watched = await openPage(browser, place.url, { viewport: { width: 320, height: 640 }, locale });
  const { page } = watched;
  expect(await page.evaluate<string[]>(tooWide)).toEqual([]);
  await logIn(page);
  for (const where of everywhere()) {
    await goTo(page, place, where);
    await settled(page);
    expect([where, await page.evaluate<string[]>(tooWide)]).toEqual([where, []]);
    if (locale === "de-DE")
      await keepPicture(page, `320${where.split(/[/?]/u)[1] === "" ? "-overview" : `-${where.split(/[/?]/u)[1]}`}`);
  }
  await goTo(page, place, `/message/${heldId}`);
  await page.locator("#act-release").click();
  await page.locator("dialog[open]").waitFor();
  expect(await page.evaluate<string[]>(tooWide)).toEqual([]);
});

test.each(["light", "dark"] as const)("%s: every text has contrast, every part has a name", async (colorScheme) => {
  await using watched = await openPage(browser, place.url, { colorScheme });
  const { page } = watched;
  expect(await page.evaluate<string[]>(faintTexts)).toEqual([]);
  await logIn(page);
  for (const where of everywhere()) {
    await goTo(page, place, where);
    await settled(page);
    expect([where, await page.evaluate<string[]>(faintTexts)]).toEqual([where, []]);
    expect([where, await page.evaluate<string[]>(namelessParts)]).toEqual([where, []]);
    if (where === "/" || where.startsWith("/message"))
      await keepPicture(page, `${colorScheme}${where === "/" ? "-overview" : "-message"}`);
  }
  await page.locator("#poll-sammel").or(page.locator("h1")).first().waitFor();
  expect(await watched.faults()).toEqual([]);
});

const groundIsDark = `(() => {
  const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/gu).map(Number);
  return r + g + b < 384;
})()`;

test("dark and light: the system's wish, until the switch says otherwise, and after a reload too", async () => {
  await using watched = await openPage(browser, place.url, { colorScheme: "dark" });
  const { page } = watched;
  await page.locator("#theme").waitFor();
  expect(await page.evaluate<boolean>(groundIsDark)).toBe(true);
  await page.locator("#theme").selectOption("light");
  expect(await page.evaluate<boolean>(groundIsDark)).toBe(false);
  await page.reload();
  await page.locator("#theme").waitFor();
  expect(await page.evaluate<boolean>(groundIsDark)).toBe(false);
  expect(await page.locator("#theme").inputValue()).toBe("light");
});

test("German for a German browser, on every page; English by the switch, and after a reload too", async () => {
  await using watched = await openPage(browser, place.url, { locale: "de-AT" });
  const { page } = watched;
  await page.getByRole("heading", { name: "Anmelden" }).waitFor();
  await page.locator("#user").fill(login.user);
  await page.locator("#password").fill("falsch");
  await page.locator("#login").click();
  await page.getByText("Benutzer oder Kennwort ist falsch.").waitFor();
  await logIn(page);
  const titles = {
    "/": "Übersicht",
    "/queue": "Warteschlange",
    "/held": "Angehaltene Post",
    "/accounts": "Konten",
    "/doctor": "Untersuchung",
    [`/message/${heldId}`]: "Nachricht",
  };
  for (const [where, title] of Object.entries(titles)) {
    await goTo(page, place, where);
    expect([await page.locator("h1").innerText(), await page.title()]).toEqual([title, `${title} – popgate`]);
  }
  await page.locator(".notice").getByText("kein Umschlagfeld").waitFor();
  await page.locator(".notice").getByText("Die Nachricht trägt keines der Umschlagfelder").waitFor();
  expect(await page.evaluate<string>("document.documentElement.lang")).toBe("de");
  await page.locator("#language").selectOption("en");
  await page.locator(".notice").getByText("no envelope field").waitFor();
  expect(await focused(page)).toBe("language");
  await page.reload();
  await page.getByRole("heading", { name: "The way of this message" }).waitFor();
  expect(await page.evaluate<string>("document.documentElement.lang")).toBe("en");
});

test("times are those of the browser's zone, with the whole of it in the title", async () => {
  await using watched = await openPage(browser, place.url, { timezoneId: "America/New_York" });
  const { page } = watched;
  await logIn(page);
  await goTo(page, place, `/message/${heldId}`);
  const time = page.locator("#facts time").first();
  const at = (await time.getAttribute("datetime")) ?? "";
  const title = (await time.getAttribute("title")) ?? "";
  expect(title).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[45]:00$/u);
  expect(Math.floor(Date.parse(title) / 1000)).toBe(Math.floor(Date.parse(at) / 1000));
  expect(await time.innerText()).toContain(title.slice(11, 19));
});
