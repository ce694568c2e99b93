/** The text of a first configuration, and the files of its passwords. Pure. No password is in the text. */
import type { InitAnswers } from "../config/init-answers.ts";
import { tomlList, tomlText } from "../migrate/written-account.ts";
import type { NewFile } from "./new-files.ts";

/** How a server is reached. `tls` as the configuration has it. */
export interface Reached {
  readonly port: number;
  readonly tls: "implicit" | "starttls" | "required" | "off";
}

export interface InitPlan {
  readonly answers: InitAnswers;
  readonly account: Reached;
  readonly relay: Reached | undefined;
  /** The lines that say where a collector's recipients stand. */
  readonly envelope: readonly string[];
}

/** Until the mail in the box tells more. */
export const learnIt: readonly string[] = ['profile = "auto"'];

export function configText({ answers, account, relay, envelope }: InitPlan): string {
  const { domains, hostname, postmaster, exchange } = answers;
  const parts = [
    [
      "# Made by popgate init. All keys: docs/configuration.md. Check it with: popgate check; try it with: popgate doctor.",
      `hostname = ${tomlText(hostname)}`,
      `postmaster = ${tomlText(postmaster)}`,
      `domains = ${tomlList(domains)}`,
    ],
    ["[exchange]", `host = ${tomlText(exchange)}`],
    accountLines(answers.account, account, envelope),
    ...(answers.relay === undefined || relay === undefined ? [] : relayParts(answers.relay, relay)),
  ];
  return parts.map((lines) => `${lines.join("\n")}\n`).join("\n");
}

/** Beside the configuration, readable by their owner only. */
export function passwordFiles({ account, relay }: InitAnswers): readonly NewFile[] {
  const own = { name: passwordFile(account.name), mode: 0o600, text: `${account.password}\n` };
  if (relay === undefined) return [own];
  return [own, { name: relayPasswordFile(relay.name), mode: 0o600, text: `${relay.password}\n` }];
}

function accountLines(account: InitAnswers["account"], { port, tls }: Reached, envelope: readonly string[]): string[] {
  const isMailbox = account.deliver_to !== undefined;
  return [
    isMailbox ? "[[mailbox]]" : "[[collector]]",
    `name = ${tomlText(account.name)}`,
    ...serverLines(account.host, port, tls, account.ca),
    `user = ${tomlText(account.user)}`,
    `password = { file = ${tomlText(passwordFile(account.name))} }`,
    ...(account.deliver_to === undefined ? envelope : [`deliver_to = ${tomlList(account.deliver_to)}`]),
    // Nothing goes from the provider's box before Exchange has it.
    'keep = "until-delivered"',
  ];
}

function relayParts(relay: NonNullable<InitAnswers["relay"]>, { port, tls }: Reached): string[][] {
  return [
    ["[listener]", 'listen = ["0.0.0.0:25"]', `allow = ${tomlList(relay.allow)}   # where Exchange sends from`],
    [
      "[[relay]]",
      `name = ${tomlText(relay.name)}`,
      ...serverLines(relay.host, port, tls, relay.ca),
      `user = ${tomlText(relay.user)}`,
      `password = { file = ${tomlText(relayPasswordFile(relay.name))} }`,
    ],
  ];
}

function serverLines(host: string, port: number, tls: Reached["tls"], ca: string | undefined): string[] {
  return [
    `host = ${tomlText(host)}`,
    `port = ${port}`,
    `tls = ${tomlText(tls)}`,
    ...(ca === undefined ? [] : [`ca = ${tomlText(ca)}`]),
  ];
}

function passwordFile(account: string): string {
  return `${account}.password`;
}

function relayPasswordFile(relay: string): string {
  return `relay-${relay}.password`;
}
