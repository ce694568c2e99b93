/**
 * The web page of popgate: who is logged in, which page is shown, and what happens, until the browser leaves.
 *
 * The address of the page says what is shown, so that it can be kept, sent and gone back to. Whoever does nothing for as
 * long as a session may be idle is logged out: what the page asks by itself must not keep a session alive.
 */
import type { EventMessage } from "../src/admin/schemas.ts";
import type { WebSession } from "../src/admin/web-schemas.ts";
import { ApiClient } from "./api-client.ts";
import { whyNot, type Around, type Page } from "./around.ts";
import { Changes } from "./changes.ts";
import { isAsking } from "./dialog.ts";
import { h } from "./dom.ts";
import type { Language } from "./format.ts";
import { follow } from "./live.ts";
import { loginPage } from "./pages/login.ts";
import { pageOf } from "./pages/pages.ts";
import { keepLanguage, keepTheme, readLanguage, readTheme, type ThemeName } from "./preferences.ts";
import { parseRoute, pathOf, type Route } from "./route.ts";
import { allWords, createShell, type Shell } from "./shell.ts";

const idleCheckMs = 30_000;
/** What is told as "3 minutes ago" must not grow old where nothing happens. */
const freshenMs = 60_000;

class Application {
  #language: Language = readLanguage();
  #theme: ThemeName = readTheme();
  #session: WebSession | undefined;
  /** Said on the login page. */
  #isEnded = false;
  #shell: Shell | undefined;
  #page = new AbortController();
  #following = new AbortController();
  #isConnected: boolean | undefined;
  #lastActionAt = Date.now();
  readonly #api = new ApiClient(() => this.#ended());
  readonly #listeners = new Set<{ onEvent(event: EventMessage): void; onReconnect(): void }>();

  async start(): Promise<void> {
    this.#applyTheme();
    for (const kind of ["keydown", "pointerdown"])
      document.addEventListener(kind, () => (this.#lastActionAt = Date.now()));
    window.addEventListener("popstate", () => this.#show(true));
    document.addEventListener("click", (event) => this.#followLink(event));
    setInterval(() => this.#checkIdle(), idleCheckMs);
    setInterval(() => this.#freshen(), freshenMs);
    try {
      const session = await this.#api.session(AbortSignal.timeout(idleCheckMs));
      if (session !== undefined) this.#begin(session);
      this.#draw(false);
    } catch (error) {
      const words = allWords[this.#language];
      document.body.replaceChildren(h("p", { class: "fault", role: "alert" }, words.failed(whyNot(error, { words }))));
    }
  }

  #begin(session: WebSession): void {
    this.#session = session;
    this.#isEnded = false;
    this.#lastActionAt = Date.now();
    this.#follow();
  }

  #follow(): void {
    this.#following = new AbortController();
    const listener = {
      onEvent: (event: EventMessage) => this.#listeners.forEach((each) => each.onEvent(event)),
      onState: (isConnected: boolean) => this.#connection(isConnected),
    };
    void follow(this.#api, listener, this.#following.signal);
  }

  #connection(isConnected: boolean): void {
    const isBack = isConnected && this.#isConnected === false;
    this.#isConnected = isConnected;
    this.#shell?.showLive(isConnected);
    if (isBack) this.#listeners.forEach((each) => each.onReconnect());
  }

  /** The server knows the session no more. */
  #ended(): void {
    if (this.#session === undefined) return;
    this.#following.abort();
    this.#session = undefined;
    this.#isConnected = undefined;
    this.#isEnded = true;
    this.#draw(true);
  }

  async #signOut(): Promise<void> {
    // The server would break the line off, and the browser complain of it.
    this.#following.abort();
    try {
      await this.#api.logout(AbortSignal.timeout(idleCheckMs));
    } catch (error) {
      // Unless the session was over already.
      if (this.#session === undefined) return;
      const words = allWords[this.#language];
      this.#shell?.say(words.failed(whyNot(error, { words })), true);
      this.#follow();
      return;
    }
    this.#ended();
  }

  #checkIdle(): void {
    if (this.#session !== undefined && Date.now() - this.#lastActionAt > this.#session.idleMs) void this.#signOut();
  }

  #freshen(): void {
    if (this.#session !== undefined && document.visibilityState === "visible")
      this.#listeners.forEach((each) => each.onReconnect());
  }

  /** The frame anew, as after a login or another language, and the page in it. */
  #draw(isMove: boolean): void {
    document.documentElement.lang = this.#language;
    this.#shell = createShell({
      language: this.#language,
      theme: this.#theme,
      user: this.#session?.user,
      go: (route) => this.#go(route),
      chooseLanguage: (language) => {
        keepLanguage(language);
        this.#language = language;
        this.#draw(false);
        document.getElementById("language")?.focus();
      },
      chooseTheme: (theme) => {
        keepTheme(theme);
        this.#theme = theme;
        this.#applyTheme();
      },
      signOut: () => void this.#signOut(),
    });
    document.body.replaceChildren(this.#shell.element);
    if (this.#isConnected !== undefined) this.#shell.showLive(this.#isConnected);
    this.#show(isMove);
  }

  #show(isMove: boolean): void {
    this.#page.abort();
    this.#page = new AbortController();
    this.#listeners.clear();
    const route = parseRoute(location.pathname, location.search);
    const around = this.#around(this.#page.signal);
    const page = this.#session === undefined ? this.#login(around) : pageOf(around, route);
    this.#shell?.show(page.title, page.content, this.#session === undefined ? undefined : route, isMove);
    if (this.#session === undefined) document.getElementById("user")?.focus();
  }

  #login(around: Around): Page {
    return loginPage(around, this.#isEnded, (session) => {
      this.#begin(session);
      this.#draw(true);
    });
  }

  #around(signal: AbortSignal): Around {
    return {
      api: this.#api,
      words: allWords[this.#language],
      language: this.#language,
      signal,
      now: () => Date.now(),
      go: (route) => this.#go(route),
      say: (text, isBad = false) => this.#shell?.say(text, isBad),
      onChange: (run, matters = () => true) => {
        const changes = new Changes(run, isAsking, signal);
        this.#listeners.add({
          onEvent: (event) => matters(event) && changes.note(),
          onReconnect: () => changes.note(),
        });
      },
      onEvent: (run) => void this.#listeners.add({ onEvent: run, onReconnect: () => undefined }),
    };
  }

  #go(route: Route): void {
    history.pushState(undefined, "", pathOf(route));
    this.#show(true);
  }

  /** A plain click on a link within the page shows the other page without loading this one again. */
  #followLink(event: MouseEvent): void {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.ctrlKey ||
      event.metaKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const anchor = event.target instanceof Element ? event.target.closest("a") : null;
    if (anchor === null || anchor.hasAttribute("download") || anchor.target !== "") return;
    const href = anchor.getAttribute("href") ?? "";
    if (href.startsWith("#")) {
      // Without a new entry in the history, which would be shown as another page.
      event.preventDefault();
      document.getElementById(href.slice(1))?.focus();
      return;
    }
    event.preventDefault();
    const url = new URL(href, location.origin);
    this.#go(parseRoute(url.pathname, url.search));
  }

  #applyTheme(): void {
    if (this.#theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = this.#theme;
  }
}

void new Application().start();
