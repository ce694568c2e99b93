/**
 * A question to the person, in a modal `<dialog>`: the browser keeps the focus inside, Escape says no, and the focus
 * returns to where it was. What is wrong with the answer is said inside, and the dialogue stays.
 */
import { h, replace, type Child } from "./dom.ts";

export interface Question<T> {
  readonly title: string;
  readonly content: readonly Child[];
  readonly yes: string;
  readonly no: string;
  /** It cannot be undone: `no` has the focus at first, unless there is something to fill in. */
  readonly isDangerous?: boolean;
  /** What has been filled in, or what is wrong with it. */
  readonly read: () => { readonly kind: "ok"; readonly value: T } | { readonly kind: "bad"; readonly why: string };
}

let open = 0;

/** Whether a person is being asked something. */
export function isAsking(): boolean {
  return open > 0;
}

/** `undefined`: the person has said no, or the page has been left. */
export function ask<T>(question: Question<T>, signal: AbortSignal): Promise<T | undefined> {
  const before = document.activeElement?.id ?? "";
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  const fault = h("div", { role: "alert" });
  const answer: { value: T | undefined } = { value: undefined };
  const accept = (event: Event): void => {
    event.preventDefault();
    const read = question.read();
    if (read.kind === "bad") {
      replace(fault, h("p", { class: "fault" }, read.why));
      return;
    }
    answer.value = read.value;
    dialog.close();
  };
  const no = h("button", { type: "button", onclick: () => dialog.close() }, question.no);
  const dialog = h(
    "dialog",
    { "aria-labelledby": "dialog-title" },
    h(
      "form",
      { onsubmit: accept, novalidate: true },
      h("h2", { id: "dialog-title" }, question.title),
      question.content,
      fault,
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "submit", class: question.isDangerous === true ? "danger" : "primary" }, question.yes),
        no,
      ),
    ),
  );
  const leave = (): void => dialog.close();
  dialog.addEventListener("close", () => {
    open -= 1;
    signal.removeEventListener("abort", leave);
    dialog.remove();
    // What was behind it may have been made anew.
    if (before !== "") document.getElementById(before)?.focus();
    resolve(answer.value);
  });
  document.body.append(dialog);
  open += 1;
  dialog.showModal();
  const first = dialog.querySelector<HTMLElement>("input, textarea, select");
  if (first !== null) first.focus();
  else if (question.isDangerous === true) no.focus();
  signal.addEventListener("abort", leave);
  if (signal.aborted) leave();
  return promise;
}
