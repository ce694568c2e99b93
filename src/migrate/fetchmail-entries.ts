/**
 * Reads the entries of a fetchmailrc: `set`, `defaults`, `poll` and `skip`, each with its options and users, in the order
 * in which they stand. Knows the words, not their meaning. Pure; goes over what it does not understand with a remark.
 */
import { entryWords, fetchmailOption, noise, setFlags, type FetchmailOption } from "./fetchmail-options.ts";
import { fetchmailWords, type Word } from "./fetchmail-words.ts";
import type { Remark } from "./imported.ts";

/** One option with its words; `set: false` for `no keep`. */
export interface Setting {
  readonly option: FetchmailOption;
  readonly line: number;
  readonly set: boolean;
  readonly values: readonly string[];
  /** Of `is` and `to`: `server=local` pairs. */
  readonly pairs: readonly (readonly [string, string])[];
  /** Of `envelope`: how many such fields are passed over. */
  readonly skip: number;
}

export interface FetchmailUser {
  readonly line: number;
  /** `undefined`: the login of who ran fetchmail. */
  readonly name: string | undefined;
  readonly settings: readonly Setting[];
}

export interface FetchmailServer {
  readonly kind: "poll" | "skip" | "defaults";
  readonly line: number;
  readonly name: string;
  readonly settings: readonly Setting[];
  readonly users: readonly FetchmailUser[];
}

export interface FetchmailFile {
  readonly servers: readonly FetchmailServer[];
  /** `set` statements by name, in lower case. */
  readonly globals: ReadonlyMap<string, { readonly line: number; readonly value: string }>;
  readonly remarks: readonly Remark[];
}

interface OpenUser {
  line: number;
  name: string | undefined;
  settings: Setting[];
}

interface OpenServer {
  kind: FetchmailServer["kind"];
  line: number;
  name: string;
  settings: Setting[];
  users: OpenUser[];
}

/** Reads a whole file. Never throws. */
export function readFetchmailrc(text: string): FetchmailFile {
  return new Reader(text).read();
}

class Reader {
  readonly #words: readonly Word[];
  readonly #remarks: Remark[];
  readonly #servers: OpenServer[] = [];
  readonly #globals = new Map<string, { line: number; value: string }>();
  #at = 0;

  constructor(text: string) {
    const { words, remarks } = fetchmailWords(text);
    this.#words = words;
    this.#remarks = [...remarks];
  }

  read(): FetchmailFile {
    for (let word = this.#next(); word !== undefined; word = this.#next()) this.#take(word);
    return { servers: this.#servers, globals: this.#globals, remarks: this.#remarks };
  }

  #next(): Word | undefined {
    const word = this.#words[this.#at];
    this.#at += 1;
    return word;
  }

  #peek(ahead = 0): Word | undefined {
    return this.#words[this.#at + ahead];
  }

  #take(word: Word): void {
    const key = word.quoted ? "" : word.text.toLowerCase();
    if (key === "set") this.#takeGlobal(word.line);
    else if (entryWords.has(key)) this.#openServer(key, word.line);
    else if (noise.has(key)) return;
    else if (key === "user" || key === "username") this.#openUser(word.line);
    else this.#takeOption(word, key);
  }

  #takeGlobal(line: number): void {
    let name = this.#next()?.text.toLowerCase() ?? "";
    if (name === "no") name = `no${this.#next()?.text.toLowerCase() ?? ""}`;
    const flag = setFlags.has(name) || name.startsWith("no");
    if (!flag && this.#peek()?.text === "=") this.#at += 1;
    this.#globals.set(name, { line, value: flag ? "" : (this.#next()?.text ?? "") });
  }

  #openServer(key: string, line: number): void {
    const kind = key === "skip" || key === "defaults" ? key : "poll";
    // `skip server NAME` and `poll server NAME` are one word and its noise.
    if (kind !== "defaults" && isWord(this.#peek(), "server")) this.#at += 1;
    const name = kind === "defaults" ? "" : (this.#next()?.text ?? "");
    this.#servers.push({ kind, line, name, settings: [], users: [] });
  }

  #openUser(line: number): void {
    const name = this.#next()?.text ?? "";
    const server = this.#servers.at(-1);
    if (server === undefined) {
      this.#remarks.push({ line, text: "a user before any server; it was left out" });
      return;
    }
    // `user "anna" here`: the local name; the server's follows as `is "a.schmidt" there`.
    if (isWord(this.#peek(), "here")) {
      const option = fetchmailOption("is");
      const settings = option === undefined ? [] : [settingOf(option, line, [name])];
      server.users.push({ line, name: undefined, settings });
    } else server.users.push({ line, name, settings: [] });
  }

  #takeOption(word: Word, key: string): void {
    let set = true;
    let option = fetchmailOption(key);
    if (option === undefined && key === "no") {
      set = false;
      option = fetchmailOption(this.#next()?.text ?? "");
    } else if (option === undefined && key.startsWith("no")) {
      set = false;
      option = fetchmailOption(key.slice(2));
    }
    if (option === undefined) {
      // The word is not shown: it may be a piece of a password without quotes.
      this.#remarks.push({ line: word.line, text: "a word is not understood here; it was left out" });
      return;
    }
    this.#keep(this.#withValues(option, word.line, set));
  }

  #withValues(option: FetchmailOption, line: number, set: boolean): Setting {
    if (!set || option.shape === "flag") return { ...settingOf(option, line, []), set };
    if (option.shape === "list") return this.#withList(option, line);
    let skip = 0;
    const first = this.#peek();
    if (option.shape === "envelope" && first !== undefined && !first.quoted && /^\d{1,4}$/u.test(first.text)) {
      skip = Number(first.text);
      this.#at += 1;
    }
    const value = this.#next()?.text;
    return { ...settingOf(option, line, value === undefined ? [] : [value]), skip };
  }

  #withList(option: FetchmailOption, line: number): Setting {
    const values: string[] = [];
    const pairs: (readonly [string, string])[] = [];
    for (let word = this.#peek(); word !== undefined && !endsList(word); word = this.#peek()) {
      this.#at += 1;
      if (word.text === "=" && !word.quoted) continue;
      const local = this.#peek(1);
      if (isWord(this.#peek(), "=") && local !== undefined) {
        this.#at += 2;
        pairs.push([word.text, local.text]);
      } else values.push(word.text);
    }
    return { ...settingOf(option, line, values), pairs };
  }

  #keep(setting: Setting): void {
    const server = this.#servers.at(-1);
    const user = server?.users.at(-1);
    if (server === undefined) {
      this.#remarks.push({ line: setting.line, text: `"${setting.option.name}" before any server; it was left out` });
      return;
    }
    // `user "anna" here is "a.schmidt" there`: the second name is the server's.
    if (user !== undefined && user.name === undefined && setting.option.name === "is" && isWord(this.#peek(), "there"))
      user.name = setting.values[0];
    else (user ?? server).settings.push(setting);
  }
}

function settingOf(option: FetchmailOption, line: number, values: readonly string[]): Setting {
  return { option, line, set: true, values, pairs: [], skip: 0 };
}

function isWord(word: Word | undefined, text: string): boolean {
  return word !== undefined && !word.quoted && word.text.toLowerCase() === text;
}

function endsList({ quoted, text }: Word): boolean {
  if (quoted) return false;
  const key = text.toLowerCase();
  if (entryWords.has(key) || noise.has(key) || key === "user" || key === "username" || key === "no") return true;
  return fetchmailOption(key) !== undefined || (key.startsWith("no") && fetchmailOption(key.slice(2)) !== undefined);
}
