/** What is to be done to messages: asks for what an action needs, has it confirmed, and gives the action to be sent. */
import type { Action } from "../src/admin/schemas.ts";
import { addressesOf, firstBad } from "./address-text.ts";
import type { Around } from "./around.ts";
import { ask, type Question } from "./dialog.ts";
import { h, type Child } from "./dom.ts";
import { field, foreign } from "./parts.ts";

export type Act = Action["action"];

export interface Subject {
  /** How many messages. */
  readonly count: number;
  /** Of a single message; empty when they are not known, or there are several messages. */
  readonly recipients: readonly string[];
  /** Its recipients are not known, or not all messages' are: a release must name them. */
  readonly needsRecipients: boolean;
}

type Read = ReturnType<Question<Action>["read"]>;

/** `undefined`: rather not. */
export function askFor(around: Around, act: Act, subject: Subject): Promise<Action | undefined> {
  const { words } = around;
  const what = subject.count === 1 ? words.confirm.one : words.confirm.many(subject.count);
  const { content, read } = form(around, act, subject);
  return ask(
    {
      title: words.confirm[act](what),
      content,
      yes: words.actions[act],
      no: words.cancel,
      isDangerous: act === "drop",
      read,
    },
    around.signal,
  );
}

interface Form {
  readonly content: readonly Child[];
  readonly read: () => Read;
}

function form(around: Around, act: Act, subject: Subject): Form {
  const { words } = around;
  const whom = recipientBoxes(around, subject.recipients);
  const withWhom = (make: (recipients: string[] | undefined) => Read): Read => {
    const chosen = whom.chosen();
    return chosen?.length === 0 ? bad(words.confirm.nobodyChosen) : make(chosen);
  };
  switch (act) {
    case "retry":
    case "drop":
      return {
        content: whom.content,
        read: () => withWhom((recipients) => good({ action: act, ...optional({ recipients }) })),
      };
    case "hold": {
      const why = h("input", { id: "ask-why", type: "text", maxlength: 500, autocomplete: "off" });
      return {
        content: [field(words.confirm.why, why), ...whom.content],
        read: () =>
          withWhom((recipients) => {
            const detail = why.value.trim() === "" ? undefined : why.value.trim();
            return good({ action: act, ...optional({ recipients }), ...optional({ detail }) });
          }),
      };
    }
    case "release":
      return releaseForm(around, subject);
    case "redirect": {
      const to = h("input", { id: "ask-to", type: "email", autocomplete: "off", "aria-required": "true" });
      return {
        content: [field(words.confirm.redirectTo, to), ...whom.content],
        read: () =>
          withWhom((recipients) => {
            const [address, ...more] = addressesOf(to.value);
            if (address === undefined || more.length > 0 || firstBad([address]) !== undefined)
              return bad(words.confirm.notAddress(to.value));
            return good({ action: act, to: address, ...optional({ recipients }) });
          }),
      };
    }
  }
}

function releaseForm({ words }: Around, { needsRecipients }: Subject): Form {
  const to = h("textarea", { id: "ask-to", rows: 3, autocomplete: "off", spellcheck: "false" });
  return {
    content: [field(words.confirm.to, to, needsRecipients ? words.confirm.toNeeded : words.confirm.toHint)],
    read: () => {
      const addresses = addressesOf(to.value);
      const wrong = firstBad(addresses);
      if (wrong !== undefined) return bad(words.confirm.notAddress(wrong));
      if (addresses.length === 0 && needsRecipients) return bad(words.confirm.toNeeded);
      return good({ action: "release", ...(addresses.length === 0 ? {} : { to: addresses }) });
    },
  };
}

/** With several recipients there is a choice; all are chosen at first. */
function recipientBoxes({ words }: Around, recipients: readonly string[]) {
  if (recipients.length < 2) return { content: [], chosen: () => undefined };
  const boxes = recipients.map((address, index) => {
    const box = h("input", { type: "checkbox", id: `ask-whom-${index}`, checked: true });
    return { address, box };
  });
  const content = h(
    "fieldset",
    {},
    h("legend", {}, words.confirm.whom),
    boxes.map(({ address, box }) => h("label", { class: "check" }, box, " ", foreign(address))),
  );
  return {
    content: [content],
    chosen: (): string[] | undefined => {
      const chosen = boxes.filter(({ box }) => box.checked).map(({ address }) => address);
      return chosen.length === boxes.length ? undefined : chosen;
    },
  };
}

function good(value: Action): Read {
  return { kind: "ok", value };
}

function bad(why: string): Read {
  return { kind: "bad", why };
}

/** A key whose value is `undefined` is left out. */
function optional<K extends string, V>(entry: { readonly [key in K]: V | undefined }): { [key in K]?: V } {
  const present = Object.entries(entry).filter(([, value]) => value !== undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same key, unless its value is undefined
  return Object.fromEntries(present) as { [key in K]?: V };
}
