/**
 * The daemon with its web page, between a provider's box and a stand-in for Exchange, and a browser before it: real
 * Chromium, which notes whatever a page must not do.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { build } from "vite";
import { hashPassword } from "../../../src/core/password-hash.ts";
import type { StandInBox } from "../../../src/demo/pop3-stand-in-box.ts";
import { startPop3StandIn } from "../../../src/demo/pop3-stand-in.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../../src/demo/smtp-stand-in.ts";
import { configText, startDaemon, type Daemon } from "../../fakes/popgate-process.ts";
import { freePorts, makeWorkplace } from "./program.ts";

const repository = path.join(import.meta.dirname, "..", "..", "..");
const executable = "/usr/bin/chromium";

export const login = { user: "anna", password: "Ein langes Kennwort" } as const;

/** Builds the page as `make web` does. */
export async function buildPage(): Promise<void> {
  await build({ root: path.join(repository, "web"), logLevel: "error" });
}

export interface WebPlace extends AsyncDisposable {
  readonly url: string;
  readonly exchange: SmtpStandIn;
  /** Of the collector `sammel`, whose provider writes `Envelope-to`. */
  readonly box: StandInBox;
  readonly daemon: () => Daemon;
  restart(): Promise<void>;
  /** Writes the configuration anew, changed; nobody is told of it. */
  configure(change: (text: string) => string): Promise<void>;
}

export async function openWebPlace(): Promise<WebPlace> {
  await using opening = new AsyncDisposableStack();
  const { dir } = opening.use(await makeWorkplace("web"));
  const pop3 = opening.use(
    await startPop3StandIn({ accounts: [{ user: "sammel", password: "geheim", messages: [] }] }),
  );
  const exchange = opening.use(await startSmtpStandIn());
  const [port = 0] = await freePorts(1);
  await writeFile(path.join(dir, "password"), "geheim\n", { mode: 0o600 });
  await writeFile(path.join(dir, "anna"), `${await hashPassword(login.password)}\n`, { mode: 0o600 });
  const config = path.join(dir, "popgate.toml");
  const rest = `
[[collector]]
name = "sammel"
host = "127.0.0.1"
port = ${pop3.port}
tls = "off"
user = "sammel"
password = { file = "password" }
every = "1h"
keep = "never"
profile = "exim"

[admin.web]
listen = "127.0.0.1:${port}"
users = { anna = { file = "anna" } }
`;
  await writeFile(config, configText({ dir, exchangePort: exchange.port, accounts: rest }));
  let daemon = startDaemon(config);
  opening.defer(async () => daemon[Symbol.asyncDispose]());
  await daemon.until("web-listening");
  await daemon.until("poll-finished");
  const opened = opening.move();
  return {
    url: `http://127.0.0.1:${port}`,
    exchange,
    box: pop3.box("sammel"),
    daemon: () => daemon,
    async restart() {
      await daemon.stop();
      daemon = startDaemon(config);
      await daemon.until("web-listening");
    },
    configure: async (change) => writeFile(config, change(await readFile(config, "utf8"))),
    [Symbol.asyncDispose]: async () => opened.disposeAsync(),
  };
}

/** A page, and what it has done that it must not. */
export interface Watched extends AsyncDisposable {
  readonly page: Page;
  /** Dialogues of scripts, errors, breaches of the Content-Security-Policy, requests to elsewhere. */
  faults(): Promise<readonly string[]>;
}

export async function launch(): Promise<Browser> {
  if (!existsSync(executable)) throw new Error(`${executable} is missing: scripts/peers-install.sh installs it`);
  // The run is root, for which Chromium has no sandbox; it meets nothing but our own page.
  return chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
}

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.setDefaultTimeout(15_000);
  page.on("dialog", (dialog) => {
    faults.push(`dialogue: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // A refused login is one of these, too.
    if (message.type() === "error" && !message.text().includes("401")) faults.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) faults.push(`request to ${request.url()}`);
  });
  await page.addInitScript(
    `window.breaches = []; document.addEventListener("securitypolicyviolation", (e) => window.breaches.push(e.violatedDirective + " " + e.blockedURI));`,
  );
  await page.goto(url);
  return {
    page,
    async faults() {
      const breaches = await page.evaluate<string[]>("window.breaches");
      return [...faults, ...breaches.map((breach) => `policy: ${breach}`)];
    },
    [Symbol.asyncDispose]: async () => context.close(),
  };
}

export async function logIn(page: Page): Promise<void> {
  await page.locator("#user").fill(login.user);
  await page.locator("#password").fill(login.password);
  await page.locator("#login").click();
  await page.locator("#sign-out").waitFor();
}

/** Opens a place of the page anew, logged in already. */
export async function goTo(page: Page, place: WebPlace, where: string): Promise<void> {
  await page.goto(`${place.url}${where}`);
  await page.locator("#sign-out").waitFor();
}

let serial = 0;

/** Puts mail into the box, and has it polled over the page. */
export async function bring(page: Page, place: WebPlace, ...wishes: readonly MailWishes[]): Promise<void> {
  for (const each of wishes) place.box.add(mail({ id: `m${(serial += 1)}@else.example`, ...each }));
  await goTo(page, place, "/accounts");
  await page.locator("#poll-sammel").click();
  await page.locator(".told.good").waitFor();
}

/** Kept for whoever wants to look. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = path.join(repository, "artefacts", "web");
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}

export interface MailWishes {
  readonly to?: string | undefined;
  readonly subject?: string;
  readonly from?: string;
  readonly id?: string;
  readonly body?: string;
  readonly more?: string;
}

/** A message as the provider stores it; without `to` it has no envelope field. */
export function mail({
  to,
  subject = "Angebot",
  from = "Lieferant <verkauf@else.example>",
  id = "1@else.example",
  body = "Guten Tag",
  more = "",
}: MailWishes): Buffer {
  const envelope = to === undefined ? "" : `Envelope-to: ${to}\r\n`;
  return Buffer.from(
    `${envelope}Received: by mx.provider.example; Tue, 3 Nov 2026 10:00:00 +0100\r\nFrom: ${from}\r\nTo: info@firma.example\r\nSubject: ${subject}\r\nMessage-ID: <${id}>\r\n${more}\r\n${body}\r\n`,
  );
}
