/**
 * The dialogue of `popgate init`: one question after the other, each with a proposal that Enter takes, and asked again
 * with the reason when the answer cannot be taken. Passwords are typed without being shown.
 *
 * Nothing is written here. Ctrl-C, Ctrl-D and the end of the input give up: `GivenUp`.
 */
import { initReaders, type InitAnswers } from "../config/init-answers.ts";
import type { Surroundings } from "./asking.ts";
import { HiddenTerminal, type PasswordInput } from "./password-input.ts";
import { styled, type Screen } from "./screen.ts";
import { isYes, typedLine } from "./typed-line.ts";

export class GivenUp extends Error {
  override readonly name = "GivenUp";
}

/** A reader of one answer, as far as it is used here. */
interface Reader<T> {
  safeParse(
    text: string,
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly { readonly message: string }[] } };
}

/** What is proposed by looking around. */
export interface Proposals {
  /** This machine's name, whole or not. */
  readonly machine: string;
  /** The addresses of a host; empty when there are none. */
  readonly addresses: (host: string) => Promise<readonly string[]>;
}

/** Asks everything. */
export async function askForAnswers(
  around: Surroundings,
  aside: Screen,
  { machine, addresses }: Proposals,
): Promise<InitAnswers> {
  const dialogue = new Dialogue(around, aside);
  const { domain, host, address, accountName, line } = initReaders;
  aside.print("Enter takes what stands in brackets. Ctrl-C ends it; nothing is written before the last answer.");
  const domains = await dialogue.askList("The company's mail domains, separated by spaces", domain);
  const [first = ""] = domains;
  const hostname = await dialogue.ask(
    "popgate's own name, in the DNS if possible",
    host,
    machine.includes(".") ? machine : `${machine === "" ? "popgate" : machine}.${first}`,
  );
  const postmaster = await dialogue.ask("Who is told of mail that needs a person", address, `postmaster@${first}`);
  const exchange = await dialogue.ask("Exchange's host name or address", host);
  const account = {
    host: await dialogue.ask("The provider's POP3 server", host, `pop.${first}`),
    user: await dialogue.ask("Login name of the box there", line),
    password: await dialogue.askHidden("Its password"),
    name: await dialogue.ask("What to call the box here", accountName, "sammel"),
  };
  const collects = await dialogue.yes("Does the mail of all the company arrive in that box?");
  const deliver_to = collects ? undefined : await dialogue.askList("Who gets its mail, separated by spaces", address);
  const box = deliver_to === undefined ? account : { ...account, deliver_to };
  const answers = { domains, hostname, postmaster, exchange, account: box };
  if (!(await dialogue.yes("Shall Exchange send its mail out by way of popgate and the provider?"))) return answers;
  return { ...answers, relay: await askForRelay(dialogue, first, account, await addresses(exchange)) };
}

async function askForRelay(
  dialogue: Dialogue,
  domain: string,
  account: { readonly user: string; readonly password: string },
  addresses: readonly string[],
): Promise<NonNullable<InitAnswers["relay"]>> {
  const { host, accountName, line, network } = initReaders;
  const server = await dialogue.ask("The provider's SMTP server", host, `smtp.${domain}`);
  const user = await dialogue.ask("Login name there", line, account.user);
  const password = await dialogue.askHidden("Its password (Enter: that of the box)", account.password);
  const name = await dialogue.ask("What to call it here", accountName, "provider");
  const allow = await dialogue.askList(
    "From which addresses or networks does Exchange send, separated by spaces",
    network,
    addresses.join(" "),
  );
  return { host: server, user, password, name, allow };
}

class Dialogue {
  readonly #around: Surroundings;
  readonly #aside: Screen;

  constructor(around: Surroundings, aside: Screen) {
    this.#around = around;
    this.#aside = aside;
  }

  async ask<T>(question: string, reader: Reader<T>, proposal = ""): Promise<T> {
    for (;;) {
      const typed = (await this.#line(question, proposal)) || proposal;
      const reading = reader.safeParse(typed);
      if (reading.success) return reading.data;
      this.#complain(typed === "" ? "an answer is needed" : wordsOf(reading.error));
    }
  }

  /** One at least. */
  async askList<T>(question: string, reader: Reader<T>, proposal = ""): Promise<T[]> {
    for (;;) {
      const typed = (await this.#line(question, proposal)) || proposal;
      const readings = typed
        .split(/[\s,;]+/u)
        .filter((part) => part !== "")
        .map((part) => reader.safeParse(part));
      const good = readings.flatMap((reading) => (reading.success ? [reading.data] : []));
      const [bad] = readings.flatMap((reading) => (reading.success ? [] : [wordsOf(reading.error)]));
      if (bad === undefined && good.length > 0) return good;
      this.#complain(bad ?? "an answer is needed");
    }
  }

  async yes(question: string): Promise<boolean> {
    for (;;) {
      const typed = await this.#line(`${question} [Y/n]`, "");
      if (typed === "" || isYes(typed)) return true;
      if (/^(?:n|no|nein)$/iu.test(typed)) return false;
      this.#complain("y or n");
    }
  }

  async askHidden(question: string, proposal = ""): Promise<string> {
    for (;;) {
      using terminal = new HiddenTerminal(hidden(this.#around.stdin), this.#around.stderr);
      const typed = await terminal.ask(`${question}: `);
      if (typed === undefined) throw new GivenUp("given up");
      if (typed !== "" || proposal !== "") return typed || proposal;
      this.#complain("an answer is needed");
    }
  }

  /** What is typed, without space around it. */
  async #line(question: string, proposal: string): Promise<string> {
    this.#aside.print(question, proposal === "" ? "" : styled("dim", ` [${proposal}]`), ":");
    const typed = await typedLine(this.#around.stdin);
    if (typed === undefined) throw new GivenUp("given up");
    return typed;
  }

  #complain(why: string): void {
    this.#aside.print(styled("warning", `  ${why}`));
  }
}

function wordsOf(error: { readonly issues: readonly { readonly message: string }[] }): string {
  return error.issues.map(({ message }) => message).join("; ");
}

/** A readable stream is what a password is read from; only terminals have a raw mode. */
function hidden(stdin: Surroundings["stdin"]): PasswordInput {
  return stdin;
}
