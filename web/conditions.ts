/** How an account or a destination is, as a coloured word. */
import type { AccountStatus, DestinationStatus } from "../src/admin/schemas.ts";
import type { Around } from "./around.ts";
import { badge } from "./parts.ts";

export function accountState({ words }: Around, account: AccountStatus): HTMLElement {
  const { accountsPage } = words;
  if (!account.enabled) return badge("neutral", accountsPage.disabled);
  if (account.paused) return badge("warning", accountsPage.paused);
  if (account.polling) return badge("waiting", accountsPage.polling);
  return account.failing ? badge("error", accountsPage.failing) : badge("good", accountsPage.good);
}

const tones: Readonly<Record<DestinationStatus["state"], string>> = {
  up: "good",
  down: "error",
  paused: "warning",
  stopped: "warning",
};

export function destinationState({ words }: Around, { state }: DestinationStatus): HTMLElement {
  return badge(tones[state], words.accountsPage.destinationStates[state]);
}
