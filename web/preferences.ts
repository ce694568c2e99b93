/** Language and colours: what the browser wants, unless it has been chosen here. The choice is kept in local storage. */
import type { Language } from "./format.ts";

export type ThemeName = "auto" | "light" | "dark";

export const languages: readonly Language[] = ["en", "de"];
export const themes: readonly ThemeName[] = ["auto", "light", "dark"];

const languageKey = "popgate.language";
const themeKey = "popgate.theme";

/** The first of the browser's languages that the page has. Pure. */
export function languageOf(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = languages.find((each) => tag.toLowerCase().split("-")[0] === each);
    if (found !== undefined) return found;
  }
  return "en";
}

export function readLanguage(): Language {
  const kept = read(languageKey);
  return languages.find((each) => each === kept) ?? languageOf(navigator.languages);
}

export function keepLanguage(language: Language): void {
  keep(languageKey, language);
}

export function readTheme(): ThemeName {
  const kept = read(themeKey);
  return themes.find((each) => each === kept) ?? "auto";
}

export function keepTheme(theme: ThemeName): void {
  keep(themeKey, theme);
}

/** A browser may forbid storage: then the choice lasts as long as the page. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // It is in use already, only not kept.
  }
}
