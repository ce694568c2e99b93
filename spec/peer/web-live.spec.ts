/**
 * The web page while things happen, in real Chromium: events show by themselves, what a person is at is not disturbed,
 * a connection that breaks comes back or says so; and the steering of accounts, destinations and held mail.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  bring,
  buildPage,
  goTo,
  keepPicture,
  launch,
  logIn,
  mail,
  openPage,
  openWebPlace,
  type Watched,
  type WebPlace,
} from "./support/web-place.ts";

let browser: Browser;
let place: WebPlace;
const patience = { timeout: 20_000 };
const deadline = (): AbortSignal => AbortSignal.timeout(20_000);

beforeAll(async () => {
  await buildPage();
  browser = await launch();
  place = await openWebPlace();
});

afterAll(async () => {
  await place?.[Symbol.asyncDispose]();
  await browser?.close();
});

async function openLoggedIn(): Promise<Watched> {
  const watched = await openPage(browser, place.url);
  await logIn(watched.page);
  return watched;
}

/** The line to the server stands: what happens from now on is told. */
async function isLive(page: Page): Promise<void> {
  await page.locator(".live.on").waitFor();
}

test("what happens shows by itself, without disturbing who is choosing", async () => {
  await using mine = await openLoggedIn();
  await using other = await openLoggedIn();
  const { page } = mine;
  await bring(other.page, place, { subject: "Erste" });
  await goTo(page, place, "/held");
  const box = page.getByRole("checkbox", { name: "Select: Erste" });
  await box.check();
  await isLive(page);
  await bring(other.page, place, { subject: "Zweite" });
  await page.getByRole("link", { name: "Zweite" }).waitFor();
  expect(await box.isChecked()).toBe(true);
  expect(await page.evaluate<string>("document.activeElement.id")).toBe(await box.getAttribute("id"));
  await page.getByText("1 selected").waitFor();
  expect(await page.locator("#act-drop").isEnabled()).toBe(true);

  await goTo(page, place, "/");
  await isLive(page);
  await bring(other.page, place, { to: "anna@firma.example", subject: "Dritte" });
  await page.locator(".events li", { hasText: "delivered to anna@firma.example" }).waitFor();
  await page.locator("#to-held", { hasText: "2" }).waitFor();
  expect([await mine.faults(), await other.faults()]).toEqual([[], []]);
});

test("while a question is open nothing changes behind it", async () => {
  await using mine = await openLoggedIn();
  await using other = await openLoggedIn();
  const { page } = mine;
  await bring(other.page, place, { subject: "Gefragt" });
  await goTo(page, place, "/queue?subject=Gefragt");
  await page.locator("#select-all").check();
  await isLive(page);
  await page.locator("#act-hold").click();
  await page.locator("#ask-why").fill("warte auf den Chef");
  await bring(other.page, place, { subject: "Gefragt 2" });
  // The other page has seen it and this one has been told: it would be shown within a second or two.
  await page.waitForTimeout(2500);
  expect(await page.locator("tbody tr").count()).toBe(1);
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Gefragt 2" }).waitFor();
});

test("held mail is worked off together: by reason, to whom it belongs, or dropped", async () => {
  place.exchange.set({ atRcpt: { "weg@firma.example": { do: "reply", line: "550 5.1.1 Unknown here" } } });
  await using watched = await openLoggedIn();
  const { page } = watched;
  await bring(page, place, { to: "weg@firma.example", subject: "Bekannter Empfänger" });
  await goTo(page, place, "/held");
  await page.locator("#reason-refused").click();
  await page.getByRole("link", { name: "Bekannter Empfänger" }).waitFor();
  expect(await page.locator("tbody tr").count()).toBe(1);
  expect(await page.locator("#reason-refused").getAttribute("aria-current")).toBe("true");
  await page.locator("#reason-all").click();
  await page.getByRole("link", { name: "Gefragt 2" }).waitFor();

  place.exchange.set({ atRcpt: {} });
  const before = place.exchange.messages.length;
  const rows = await page.locator("tbody tr").count();
  await page.locator("#select-all").check();
  await page.getByText(`${rows} selected`).waitFor();
  await page.locator("#act-release").click();
  await page.locator("#ask-to").fill("chef@firma.example");
  await page.locator("dialog button[type=submit]").click();
  await page.locator(".told.good", { hasText: `${rows} done` }).waitFor();
  await place.exchange.received(before + rows, deadline());
  const recipients = place.exchange.messages.slice(before).map((each) => each.recipients.join());
  expect(recipients.filter((each) => each === "weg@firma.example")).toHaveLength(1);
  expect(recipients.filter((each) => each === "chef@firma.example")).toHaveLength(rows - 1);
  await page.getByText("Nothing is held.").waitFor();

  await bring(page, place, { subject: "Werbung" });
  await goTo(page, place, "/held");
  await page.getByRole("checkbox", { name: "Select: Werbung" }).check();
  await page.locator("#act-drop").click();
  await page.locator("dialog button[type=submit]").click();
  await page.locator(".told.good", { hasText: "1 done" }).waitFor();
  await page.getByText("Nothing is held.").waitFor();
  expect(await watched.faults()).toEqual([]);
});

test("deciding again shows first what would become of it; a corrected configuration is read again from the page", async () => {
  await using watched = await openLoggedIn();
  const { page } = watched;
  await bring(page, place, { to: "chef@schwester.example", subject: "Andere Domäne" }, { subject: "Ganz ohne" });
  await goTo(page, place, "/held");
  await page.getByRole("link", { name: "Andere Domäne" }).waitFor();
  await page.locator("#resolve-all").click();
  const outcome = page.locator("#resolutions");
  await outcome.getByText("2 still held").waitFor();
  await outcome.getByRole("row", { name: /no-local-recipient/u }).waitFor();
  expect(await page.locator("#resolve-now").count()).toBe(0);
  await keepPicture(page, "held-dry-run");

  const before = place.exchange.messages.length;
  await place.configure((text) =>
    text.replace(`domains = ["firma.example"]`, `domains = ["firma.example", "schwester.example"]`),
  );
  await goTo(page, place, "/accounts");
  await page.locator("#reload").click();
  await page.getByText("The configuration has been read again.").waitFor();
  await place.exchange.received(before + 1, deadline());
  expect(place.exchange.messages.at(-1)?.recipients).toEqual(["chef@schwester.example"]);

  await place.configure((text) => text.replace("keep =", "kep ="));
  await page.locator("#reload").click();
  await page.locator(".told.bad", { hasText: "kep" }).waitFor();
  await place.configure((text) => text.replace("kep =", "keep ="));
});

test("an account is paused and resumed, and the overview says what to do about it", async () => {
  await using watched = await openLoggedIn();
  const { page } = watched;
  await goTo(page, place, "/accounts");
  await page.getByRole("button", { name: "Pause: sammel" }).click();
  await page.locator("#account-table .badge", { hasText: "paused" }).waitFor();
  expect(await page.evaluate<string>("document.activeElement.id")).toBe("steer-sammel");
  await goTo(page, place, "/");
  await page.locator("#troubles li", { hasText: "paused" }).waitFor();
  await goTo(page, place, "/accounts");
  await page.getByRole("button", { name: "Resume: sammel" }).click();
  await page.locator("#account-table .badge", { hasText: "good" }).waitFor();
  expect(await watched.faults()).toEqual([]);
});

// A notice to the postmaster may wait there as well: it is left out by the filter.
test("a destination that is paused keeps its mail, which pages, and goes on when it is resumed", async () => {
  await using watched = await openLoggedIn();
  const { page } = watched;
  await goTo(page, place, "/accounts");
  await page.getByRole("button", { name: /^Pause: exchange/u }).click();
  await page.locator("#destination-table .badge", { hasText: "stopped by an administrator" }).waitFor();
  const wishes = Array.from({ length: 55 }, (_, index) => ({ to: "anna@firma.example", subject: `Stau ${index}` }));
  await bring(page, place, ...wishes);
  await goTo(page, place, "/queue?state=queued&subject=Stau");
  await page.locator("#next-page").waitFor();
  expect(await page.locator("tbody tr").count()).toBe(50);
  const first = await page.locator("tbody th a").allInnerTexts();
  await page.locator("#next-page").click();
  await page.locator("#first-page").waitFor();
  await expect.poll(() => page.locator("tbody tr").count(), patience).toBe(5);
  const second = await page.locator("tbody th a").allInnerTexts();
  expect(new Set([...first, ...second]).size).toBe(55);
  await page.goBack();
  await expect.poll(() => page.locator("tbody tr").count(), patience).toBe(50);
  const before = place.exchange.messages.length;
  await goTo(page, place, "/accounts");
  await page.getByRole("button", { name: /^Resume: exchange/u }).click();
  await place.exchange.received(before + 55, deadline());
  await goTo(page, place, "/queue?state=queued&subject=Stau");
  await page.getByText("No message matches.").waitFor();
  expect(await watched.faults()).toEqual([]);
});

test("the doctor's findings, most important first", async () => {
  await using watched = await openLoggedIn();
  const { page } = watched;
  await goTo(page, place, "/doctor");
  await page.locator("#doctor-start").click();
  await page.locator("#findings li.ok").first().waitFor({ timeout: 60_000 });
  const kinds = await page.evaluate<string[]>(
    `[...document.querySelectorAll("#findings > ul > li")].map(({ className }) => className)`,
  );
  const order = ["error", "warning", "info", "ok"];
  expect(kinds).toEqual(kinds.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)));
  expect(await page.locator("#findings").innerText()).toMatch(/exchange/u);
  expect(await page.locator("#doctor-start").isEnabled()).toBe(true);
  await keepPicture(page, "doctor");
  expect(await watched.faults()).toEqual([]);
});

test("popgate is stopped: the page says that the line is lost; started again, it asks to log in again", async () => {
  await using watched = await openLoggedIn();
  const { page } = watched;
  await isLive(page);
  await place.restart();
  await page.getByText("The session has ended. Log in again.").waitFor({ timeout: 40_000 });
  await logIn(page);
  await isLive(page);
  place.box.add(mail({ to: "anna@firma.example", subject: "Danach", id: "danach@else.example" }));
  await goTo(page, place, "/accounts");
  await page.locator("#poll-all").click();
  await page.locator(".told.good", { hasText: "1 fetched" }).waitFor();
  // The browser notes that the line was lost, and each try in vain.
  const others = (await watched.faults()).filter(
    (fault) => !fault.startsWith("console: Failed to load resource: net::ERR_"),
  );
  expect(others).toEqual([]);
});
