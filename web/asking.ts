/** What is to be done to messages: asks for what an action needs, has it confirmed, and gives the action to be sent. */
import type { Action, MessageSummary } from "../src/admin/schemas.ts";
import { addressesOf, firstBad } from "./address-text.ts";
import type { Around } from "./around.ts";
import { ask, type Question } from "./dialog.ts";
import { h, type Child } from "./dom.ts";
import { field, foreign } from "./parts.ts";

export type Act = Action["action"];

/** What an action is asked for: of each message, how it stands with its recipients. */
export type Meant = Pick<MessageSummary, "id" | "recipients">;

type Read = ReturnType<Question<Action>["read"]>;

/** `undefined`: rather not. */
export function askFor(around: Around, act: Act, messages: readonly Meant[]): Promise<Action | undefined> {
  const { words } = around;
  const what = messages.length === 1 ? words.confirm.one : words.confirm.many(messages.length);
  const { content, read } = form(around, act, messages);
  return ask(
    {
      title: words.confirm[act](what),
      content,
      yes: words.actions[act],
      no: words.cancel,
      isDangerous: act === "drop" || act === "bounce",
      read,
    },
    around.signal,
  );
}

interface Form {
  readonly content: readonly Child[];
  readonly read: () => Read;
}

function form(around: Around, act: Act, messages: readonly Meant[]): Form {
  const { words } = around;
  const whom = recipientBoxes(around, messages);
  const withWhom = (make: (recipients: string[] | undefined) => Read): Read => {
    const chosen = whom.chosen();
    return chosen?.length === 0 ? bad(words.confirm.nobodyChosen) : make(chosen);
  };
  switch (act) {
    case "retry":
    case "drop":
    case "bounce":
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
      if (messages.some(isWithoutRecipients)) return newRecipients(around);
      return {
        content: whom.content,
        read: () => withWhom((to) => good({ action: act, ...optional({ to }) })),
      };
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

/** It has to be said whom it is to go to. */
export function isWithoutRecipients({ recipients }: Meant): boolean {
  return recipients.length === 0;
}

/** A release of mail whose recipients are not known. */
function newRecipients({ words }: Around): Form {
  const to = h("textarea", {
    id: "ask-to",
    rows: 3,
    autocomplete: "off",
    spellcheck: "false",
    "aria-required": "true",
  });
  return {
    content: [field(words.confirm.to, to, words.confirm.toHint)],
    read: () => {
      const addresses = addressesOf(to.value);
      const wrong = firstBad(addresses);
      if (wrong !== undefined) return bad(words.confirm.notAddress(wrong));
      return addresses.length === 0 ? bad(words.confirm.toNeeded) : good({ action: "release", to: addresses });
    },
  };
}

/** Of a single message with several open recipients there is a choice; all are chosen at first. */
function recipientBoxes({ words }: Around, messages: readonly Meant[]) {
  const [only] = messages;
  const open = messages.length !== 1 || only === undefined ? [] : only.recipients.filter(isOpen);
  if (open.length < 2) return { content: [], chosen: () => undefined };
  const boxes = open.map(({ address }, index) => {
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

function isOpen({ state }: Meant["recipients"][number]): boolean {
  return state === "queued" || state === "held";
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
