/**
 * What stands around every page: skip link, navigation, the search for a mail, language and colours, who is logged in,
 * and the place where the outcome of what was done is told to eye and ear.
 */
import { h, replace, type Child } from "./dom.ts";
import type { Language } from "./format.ts";
import { field, link } from "./parts.ts";
import { languages, themes, type ThemeName } from "./preferences.ts";
import type { Route } from "./route.ts";
import { de } from "./words/de.ts";
import { en } from "./words/en.ts";
import type { Words } from "./words/words.ts";

export const allWords: Readonly<Record<Language, Words>> = { en, de };

export interface ShellOptions {
  readonly language: Language;
  readonly theme: ThemeName;
  /** `undefined`: nobody is logged in. */
  readonly user: string | undefined;
  readonly go: (route: Route) => void;
  readonly chooseLanguage: (language: Language) => void;
  readonly chooseTheme: (theme: ThemeName) => void;
  readonly signOut: () => void;
}

export interface Shell {
  readonly element: HTMLElement;
  /** Puts a page there, and the focus on its heading, if the person went there. */
  show(title: string, content: readonly Child[], route: Route | undefined, isMove: boolean): void;
  say(text: string, isBad: boolean): void;
  showLive(isConnected: boolean): void;
}

const parts = ["overview", "queue", "held", "accounts", "doctor"] as const;

export function createShell(options: ShellOptions): Shell {
  const { language, user } = options;
  const words = allWords[language];
  const heading = h("h1", { id: "page-title", tabindex: -1 });
  const content = h("div", { id: "page" });
  const main = h("main", { id: "content", tabindex: -1 }, heading, content);
  const told = h("div", { id: "told", role: "status", "aria-live": "polite" });
  const live = h("span", { id: "live", class: "live", role: "status" });
  const links = parts.map((kind) => ({ kind, element: link(routeOf(kind), {}, words[kind]) }));
  const element = h(
    "div",
    { class: "frame" },
    h("a", { class: "skip", href: "#content" }, words.skip),
    h(
      "header",
      {},
      link({ kind: "overview" }, { class: "name" }, "popgate"),
      user === undefined
        ? undefined
        : [
            finder(words, options),
            h(
              "nav",
              { "aria-label": words.navigation },
              h(
                "ul",
                {},
                links.map((each) => h("li", {}, each.element)),
              ),
            ),
          ],
      h(
        "div",
        { class: "corner" },
        user === undefined ? undefined : live,
        settings(words, options),
        signOut(words, options),
      ),
    ),
    main,
    told,
  );
  return {
    element,
    show(title, children, route, isMove) {
      document.title = `${title} – popgate`;
      replace(heading, title);
      replace(content, children);
      for (const each of links)
        if (route?.kind === each.kind) each.element.setAttribute("aria-current", "page");
        else each.element.removeAttribute("aria-current");
      if (!isMove) return;
      replace(told);
      window.scrollTo(0, 0);
      heading.focus({ preventScroll: true });
    },
    say(text, isBad) {
      const close = h("button", { type: "button", class: "plain", onclick: () => replace(told) }, words.close);
      replace(told, h("div", { class: isBad ? "told bad" : "told good" }, h("span", {}, text), " ", close));
    },
    showLive(isConnected) {
      live.className = isConnected ? "live on" : "live off";
      replace(live, isConnected ? words.live : words.notLive);
    },
  };
}

function routeOf(kind: (typeof parts)[number]): Route {
  return kind === "queue" ? { kind, filter: {} } : { kind };
}

/** The first thing an administrator with somebody on the telephone reaches for. */
function finder(words: Words, { go }: ShellOptions): HTMLElement {
  const input = h("input", {
    id: "find",
    name: "q",
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 1000,
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    const query = input.value.trim();
    if (query === "") input.focus();
    else go({ kind: "find", query });
  };
  return h(
    "form",
    { class: "finder", role: "search", onsubmit: submit, "aria-label": words.find.title },
    field(words.find.label, input),
    h("button", { type: "submit" }, words.find.submit),
  );
}

function settings(words: Words, { language, theme, chooseLanguage, chooseTheme }: ShellOptions): HTMLElement {
  const languageSelect = h(
    "select",
    {
      id: "language",
      onchange: () => {
        const chosen = languages.find((each) => each === languageSelect.value);
        if (chosen !== undefined) chooseLanguage(chosen);
      },
    },
    languages.map((each) =>
      h("option", { value: each, selected: each === language, lang: each }, allWords[each].language),
    ),
  );
  const themeSelect = h(
    "select",
    {
      id: "theme",
      onchange: () => {
        const chosen = themes.find((each) => each === themeSelect.value);
        if (chosen !== undefined) chooseTheme(chosen);
      },
    },
    themes.map((each) => h("option", { value: each, selected: each === theme }, words.themes[each])),
  );
  return h(
    "div",
    { class: "settings", role: "group", "aria-label": words.settings },
    h("label", { for: "language", class: "unseen" }, words.languageSwitch),
    languageSelect,
    h("label", { for: "theme", class: "unseen" }, words.theme),
    themeSelect,
  );
}

function signOut(words: Words, { user, signOut }: ShellOptions): Child {
  if (user === undefined) return undefined;
  return h(
    "button",
    { type: "button", id: "sign-out", title: words.signedInAs(user), onclick: signOut },
    words.signOut,
  );
}
