/** What every page is given, and what it gives. */
import type { EventMessage } from "../src/admin/schemas.ts";
import { ApiError, type ApiClient } from "./api-client.ts";
import { h, replace, type Child } from "./dom.ts";
import type { Language } from "./format.ts";
import type { Route } from "./route.ts";
import type { Words } from "./words/words.ts";

export interface Around {
  readonly api: ApiClient;
  readonly words: Words;
  readonly language: Language;
  /** Aborted when the page is left. */
  readonly signal: AbortSignal;
  now(): number;
  go(route: Route): void;
  /** To whoever sees, and to whoever hears. */
  say(text: string, isBad?: boolean): void;
  /** Runs soon after something has happened that matters, and after the connection has come back; never two at a time. */
  onChange(run: () => Promise<void>, matters?: (event: EventMessage) => boolean): void;
  onEvent(run: (event: EventMessage) => void): void;
}

export interface Page {
  readonly title: string;
  readonly content: readonly Child[];
}

export type PageMaker<R extends Route["kind"]> = (around: Around, route: Extract<Route, { kind: R }>) => Page;

/** Why something did not work, in the language of the page as far as it is ours to say. */
export function whyNot(error: unknown, { words }: Pick<Around, "words">): string {
  if (error instanceof ApiError) return error.status === 0 ? words.unreachable : error.message;
  return error instanceof Error ? error.message : String(error);
}

/** Does something and says when it has not worked. False then. */
export async function tried(around: Around, run: () => Promise<void>): Promise<boolean> {
  try {
    await run();
    return true;
  } catch (error) {
    if (!around.signal.aborted) around.say(around.words.failed(whyNot(error, around)), true);
    return false;
  }
}

/**
 * A part of a page that shows what it loads. Returns the function that loads it again: what stands there stays until the
 * new has come, and when that fails the fault stands above it.
 */
export function loading<T>(
  around: Around,
  region: HTMLElement,
  load: (signal: AbortSignal) => Promise<T>,
  show: (value: T) => Child,
): () => Promise<void> {
  const { words, signal } = around;
  const fault = h("div");
  const body = h("div", {}, h("p", { class: "quiet" }, words.loading));
  region.append(fault, body);
  region.setAttribute("aria-busy", "true");
  const again = async (): Promise<void> => {
    try {
      const value = await load(signal);
      if (signal.aborted) return;
      replace(body, show(value));
      replace(fault);
    } catch (error) {
      if (signal.aborted) return;
      const retry = h("button", { type: "button", onclick: () => void again() }, words.again);
      replace(fault, h("div", { class: "fault", role: "alert" }, words.failed(whyNot(error, around)), " ", retry));
      if (body.firstElementChild?.className === "quiet") replace(body);
    } finally {
      region.removeAttribute("aria-busy");
    }
  };
  void again();
  return again;
}
