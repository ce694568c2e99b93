/**
 * The web page in real Chromium, served by the daemon between a provider's box and a stand-in for Exchange. What it shows
 * was written by strangers: nothing of that may run, and the page keeps to its own Content-Security-Policy throughout.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  bring as bringTo,
  buildPage,
  goTo,
  keepPicture,
  launch,
  logIn,
  login,
  openPage,
  openWebPlace,
  type MailWishes,
  type WebPlace,
} from "./support/web-place.ts";

let browser: Browser;
let place: WebPlace;
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

afterEach(() => place.exchange.set({ atRcpt: {} }));

async function bring(page: Page, ...wishes: readonly MailWishes[]): Promise<void> {
  await bringTo(page, place, ...wishes);
}

async function go(page: Page, where: string): Promise<void> {
  await goTo(page, place, where);
}

async function openMessage(page: Page, subject: string): Promise<void> {
  await go(page, `/queue?subject=${encodeURIComponent(subject)}`);
  await page.locator("tbody th a").first().click();
  await page.locator("#way").waitFor();
}

test("a wrong password is refused in words, the right one lets in, logging out ends it", async () => {
  await using watched = await openPage(browser, place.url);
  const { page } = watched;
  await page.locator("#user").fill(login.user);
  await page.locator("#password").fill("geraten");
  await page.keyboard.press("Enter");
  await page.getByText("User or password is wrong.").waitFor();
  expect(await page.locator("#password").inputValue()).toBe("");
  await keepPicture(page, "login");
  await logIn(page);
  expect(await page.title()).toBe("Overview – popgate");
  await page.locator("#sign-out").click();
  await page.getByText("The session has ended.").waitFor();
  expect(await page.evaluate<number>(`fetch("/v1/status").then((answer) => answer.status)`)).toBe(401);
  expect(await watched.faults()).toEqual([]);
});

test("where is my mail: by address, what was delivered is found with what the server said", async () => {
  await using watched = await openPage(browser, place.url);
  const { page } = watched;
  await logIn(page);
  const before = place.exchange.messages.length;
  await bring(page, { to: "anna@firma.example", subject: "Rechnung 4711" });
  await place.exchange.received(before + 1, deadline());
  await page.locator("#find").fill("anna@firma.example");
  await page.keyboard.press("Enter");
  await page.locator(".summary", { hasText: /Delivered to anna@firma\.example: 250/u }).waitFor();
  await page.getByRole("link", { name: "Rechnung 4711" }).click();
  await page.locator(".station.done h3", { hasText: "Mailbox" }).waitFor();
  expect(await page.locator(".station").count()).toBe(4);
  expect(await page.locator("#recipients tbody tr").innerText()).toMatch(/anna@firma\.example\s+delivered/u);
  await page.getByText("The message has ended: its text is not kept.").waitFor();
  await page.goBack();
  await page.locator(".summary").waitFor();
  await page.locator("#find").fill("niemand@firma.example");
  await page.keyboard.press("Enter");
  await page.locator("#found-nothing").waitFor();
  expect(await watched.faults()).toEqual([]);
});

test("a held message is found by a filter, released to the right people, and delivered to them", async () => {
  await using watched = await openPage(browser, place.url);
  const { page } = watched;
  await logIn(page);
  await bring(page, { subject: "Wer bekommt das" }, { subject: "Anderes" });
  await go(page, "/queue");
  await page.locator("summary").click();
  await page.locator("#f-subject").fill("wer bekommt");
  await page.locator("#f-state").selectOption("held");
  await page.locator("#f-submit").click();
  await page.getByRole("link", { name: "Wer bekommt das" }).waitFor();
  expect(await page.locator("tbody tr").count()).toBe(1);
  expect(new URL(page.url()).search).toBe("?state=held&subject=wer+bekommt");
  await page.getByRole("link", { name: "Wer bekommt das" }).click();
  await page.locator(".station.waiting h3", { hasText: "On hold" }).waitFor();
  await keepPicture(page, "message-held");

  await page.locator("#act-release").click();
  await page.locator("dialog button[type=submit]").click();
  await page.getByText("Name at least one address.").waitFor();
  await page.locator("#ask-to").fill("kein-klammeraffe");
  await page.locator("dialog button[type=submit]").click();
  await page.getByText("“kein-klammeraffe” is not a mail address.").waitFor();
  const before = place.exchange.messages.length;
  await page.locator("#ask-to").fill("chef@firma.example, <anna@firma.example>");
  await page.locator("dialog button[type=submit]").click();
  await place.exchange.received(before + 1, deadline());
  expect(place.exchange.messages.at(-1)?.recipients).toEqual(["chef@firma.example", "anna@firma.example"]);
  // By itself: the events say that something has changed.
  await page.locator(".station.done h3", { hasText: "Mailbox" }).waitFor();
  await keepPicture(page, "message-delivered");
  expect(await page.locator("#way").innerText()).toContain("released by web:anna");
  expect(await watched.faults()).toEqual([]);
});

test("a refused recipient is redirected; what the server said stands there", async () => {
  place.exchange.set({ atRcpt: { "weg@firma.example": { do: "reply", line: "550 5.1.1 Unknown here" } } });
  await using watched = await openPage(browser, place.url);
  const { page } = watched;
  await logIn(page);
  await bring(page, { to: "weg@firma.example", subject: "Ausgeschieden" });
  await openMessage(page, "Ausgeschieden");
  expect(await page.locator("#recipients").innerText()).toContain("550 5.1.1 Unknown here");
  const before = place.exchange.messages.length;
  await page.locator("#act-redirect").click();
  await page.locator("#ask-to").fill("nachfolger@firma.example");
  await page.keyboard.press("Enter");
  await place.exchange.received(before + 1, deadline());
  expect(place.exchange.messages.at(-1)?.recipients).toEqual(["nachfolger@firma.example"]);
  expect(await watched.faults()).toEqual([]);
});

test("nothing that strangers have written runs or becomes markup: it is there to be read", async () => {
  const image = `<img src=x onerror="alert(1)">`;
  const script = `<script>alert(2)</script>`;
  const frame = `"><svg/onload=alert(3)>`;
  const reply = `<iframe srcdoc="<script>parent.alert(4)</script>">`;
  place.exchange.set({ atRcpt: { "gift@firma.example": { do: "reply", line: `550 5.7.1 ${reply}` } } });
  await using watched = await openPage(browser, place.url);
  const { page } = watched;
  await logIn(page);
  const part = `--x\r\nContent-Type: text/html; name="${frame.replaceAll('"', '\\"')}.html"\r\n\r\n${script}${image}\r\n--x--`;
  const more = `MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\nX-${"a".repeat(20)}: ${script}\r\n`;
  await bring(
    page,
    { to: "gift@firma.example", subject: `G1 ${image}`, from: `"${script}" <a@else.example>`, body: part, more },
    {
      subject: `G2 =?utf-8?Q?=E2=80=AE=3Cscript=3Ealert=285=29=3C=2Fscript=3E?= ${frame}`,
      from: `${script}@else.example`,
    },
  );
  await go(page, "/queue?subject=G1");
  await page.getByText(`G1 ${image}`).waitFor();
  await page.getByText(script).first().waitFor();
  await page.locator("tbody th a").first().click();
  await page.locator("#way").waitFor();
  await page.locator("#recipients").getByText(reply).waitFor();
  await page.locator("#headers").getByText(script).first().waitFor();
  await page.locator("#show-source").click();
  await page.locator("#source pre", { hasText: frame.slice(2) }).waitFor();
  expect(await page.locator("#source pre").innerText()).toContain(`${script}${image}`);
  await page.locator("#show-rendered").click();
  await page.locator("#source pre", { hasText: image }).waitFor();
  await keepPicture(page, "message-hostile");

  // The reason that a person gives comes back as text, too.
  await go(page, "/queue?subject=G1");
  await page.locator("#select-all").check();
  await page.locator("#act-retry").click();
  await page.locator("dialog button[type=submit]").click();
  await page.locator(".told").waitFor();
  await go(page, `/find?q=${encodeURIComponent("gift@firma.example")}`);
  await page.locator(".summary", { hasText: reply }).first().waitFor();
  await go(page, `/find?q=${encodeURIComponent(image)}`);
  await page.getByText(image).waitFor();

  await go(page, "/held");
  const turned = page.locator("tbody th a", { hasText: "<script>alert(5)</script>" });
  await turned.waitFor();
  expect(await turned.innerText()).not.toContain("\u202e");
  expect(await page.locator("main img, main script, main iframe, main svg[onload]").count()).toBe(0);
  expect(await page.evaluate<number>(`document.querySelectorAll("script").length`)).toBe(1);
  expect(await watched.faults()).toEqual([]);
});

test("a download is a file, never a page", async () => {
  await using watched = await openPage(browser, place.url);
  const { page } = watched;
  await logIn(page);
  await bring(page, {
    subject: "Zum Mitnehmen",
    more: "Content-Type: text/html\r\n",
    body: "<script>alert(6)</script>",
  });
  await openMessage(page, "Zum Mitnehmen");
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#download").click()]);
  expect(download.suggestedFilename()).toMatch(/^[0-9A-Z]{14}\.eml$/u);
  expect(await watched.faults()).toEqual([]);
});
