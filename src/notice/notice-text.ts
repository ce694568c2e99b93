/** The words of a notice to the postmaster, in German and in English. Pure. */
import type { HoldReason } from "../core/hold.ts";
import { holdWords, type HoldWords } from "../core/hold.ts";

export type NoticeLanguage = "de" | "en";

/** One held message or recipient, as it is told. Free text comes from outside and may hold anything. */
export interface NoticeItem {
  readonly id: string;
  readonly account: string;
  readonly from: string;
  readonly subject: string;
  readonly receivedAt: number;
  /** `undefined`: the message as a whole. */
  readonly recipient: string | undefined;
  readonly reason: HoldReason;
  readonly detail: string;
}

export interface NoticeContent {
  readonly hostname: string;
  /** In the order in which they are told; the first `listed` are told one by one. */
  readonly items: readonly NoticeItem[];
  /** Troubles of accounts, one line each. */
  readonly troubles: readonly string[];
}

/** So many are listed; of the others there is only their number. */
const listedAtMost = 50;
const longestField = 200;

const germanWords: Readonly<Record<HoldReason, HoldWords>> = {
  "envelope-missing": {
    meaning: "Die Nachricht trägt keines der Umschlagfelder, die für das Konto eingestellt sind.",
    remedy:
      "An die richtigen Personen freigeben. Sind es viele: `profile` oder `envelope` berichtigen, dann `popgate resolve`.",
  },
  "envelope-untrusted": {
    meaning: "Das Umschlagfeld steht nur dort, wo es auch der Absender geschrieben haben kann.",
    remedy: "Schreibt es der Anbieter wirklich dort: `place`, `trusted_hops` oder `markers` einstellen, wie angegeben.",
  },
  "envelope-drift": {
    meaning: "Das Feld, das bisher die Empfänger nannte, fehlt: Der Anbieter hat vielleicht seinen Server geändert.",
    remedy: "Nachsehen, was der Anbieter jetzt schreibt, das Konto berichtigen, dann `popgate resolve`.",
  },
  "envelope-unreadable": {
    meaning: "Das Umschlagfeld ist da, enthält aber keine lesbare Adresse.",
    remedy: "An die richtigen Personen freigeben und die Form des Feldes melden.",
  },
  "envelope-contradiction": {
    meaning: "Umschlagfeld und Received-Zeile des Anbieters nennen verschiedene Empfänger.",
    remedy: "Eines von beiden ist gefälscht oder veraltet. An die richtigen Personen freigeben.",
  },
  "profile-undecided": {
    meaning:
      "Das Konto soll sein Profil selbst erkennen und hat noch nicht genug übereinstimmende Nachrichten gesehen.",
    remedy: "`profile` oder `envelope` von Hand einstellen, oder abwarten.",
  },
  "no-local-recipient": {
    meaning: "Der Umschlag nennt nur Adressen außerhalb der eingestellten `domains`.",
    remedy: "Ist die Domain die eigene, sie oder einen Alias eintragen, dann `popgate resolve`; sonst verwerfen.",
  },
  loop: {
    meaning: "Die Nachricht ist schon einmal durch popgate gegangen.",
    remedy: "Herausfinden, wer sie zurückschickt: eine Weiterleitung, eine Liste oder ein Relay.",
  },
  "too-many-hops": {
    meaning: "Die Nachricht trägt mehr Received-Zeilen als jeder ehrliche Weg: Sie läuft im Kreis.",
    remedy: "Die Weiterleitungsschleife suchen; dann verwerfen oder einmal freigeben.",
  },
  "header-too-large": {
    meaning: "Der Kopf der Nachricht ist größer, als popgate liest.",
    remedy: "Die Nachricht ansehen, freigeben oder verwerfen.",
  },
  "server-internal": {
    meaning: "Das ist ein Vermerk der Postfachsoftware des Anbieters, keine Nachricht.",
    remedy: "Nichts; sie kann verworfen werden.",
  },
  refused: {
    meaning: "Das Ziel hat diesen Empfänger endgültig abgelehnt.",
    remedy: "Das Postfach anlegen und erneut versuchen, umleiten oder verwerfen.",
  },
  "gave-up": {
    meaning: "Das Ziel war länger nicht erreichbar oder nicht aufnahmebereit, als `give_up` erlaubt.",
    remedy: "Das Ziel in Ordnung bringen, dann erneut versuchen.",
  },
  "cannot-convert": {
    meaning: "Dem Ziel fehlt eine Erweiterung, ohne die diese Nachricht nicht geht.",
    remedy: "An eine andere Adresse umleiten, oder die Erweiterung am Ziel einschalten.",
  },
  damaged: {
    meaning: "Die gespeicherte Nachricht ließ sich nicht vollständig zurücklesen.",
    remedy: "Beim Anbieter neu holen, falls sie noch dort ist; sonst mit `popgate rescue` retten, was da ist.",
  },
  "by-administrator": {
    meaning: "Ein Administrator hat sie angehalten.",
    remedy: "Freigeben oder verwerfen.",
  },
};

const phrases = {
  de: {
    subject: (count: number) =>
      count === 0
        ? "popgate: ein Konto braucht Hilfe"
        : `popgate: ${count} ${count === 1 ? "Nachricht wartet" : "Nachrichten warten"} auf Sie`,
    opening: (host: string) =>
      `popgate auf ${host} hat Nachrichten angehalten oder kommt mit einem Konto nicht weiter.`,
    safe: "Nichts davon ist verloren; es liegt im Spool, bis Sie entscheiden.",
    troubles: "Konten:",
    counts: "Angehalten, nach Grund:",
    more: (count: number) => `… und ${count} weitere.`,
    account: "Konto",
    from: "Von",
    subjectField: "Betreff",
    received: "Empfangen",
    recipient: "Empfänger",
    reason: "Grund",
    todo: "Zu tun",
    closing: "Nach einer Änderung der Konfiguration entscheidet `popgate resolve` alles Angehaltene neu.",
  },
  en: {
    subject: (count: number) =>
      count === 0
        ? "popgate: an account needs help"
        : `popgate: ${count} ${count === 1 ? "message waits" : "messages wait"} for you`,
    opening: (host: string) => `popgate on ${host} has held messages, or cannot get on with an account.`,
    safe: "None of this is lost; it stays in the spool until you decide.",
    troubles: "Accounts:",
    counts: "Held, by reason:",
    more: (count: number) => `… and ${count} more.`,
    account: "Account",
    from: "From",
    subjectField: "Subject",
    received: "Received",
    recipient: "Recipient",
    reason: "Reason",
    todo: "To do",
    closing: "After a change of the configuration, `popgate resolve` decides everything that is held again.",
  },
} as const;

export function noticeSubject(language: NoticeLanguage, content: NoticeContent): string {
  return phrases[language].subject(new Set(content.items.map(({ id }) => id)).size);
}

/** Plain text, lines ended by LF. */
export function noticeText(language: NoticeLanguage, { hostname, items, troubles }: NoticeContent): string {
  const words = phrases[language];
  const lines: string[] = [words.opening(plain(hostname)), words.safe, ""];
  if (troubles.length > 0) lines.push(words.troubles, ...troubles.map((trouble) => `  ${plain(trouble, 1000)}`), "");
  if (items.length > 0) {
    lines.push(words.counts);
    for (const [reason, held] of Map.groupBy(items, (item) => item.reason)) lines.push(`  ${held.length} × ${reason}`);
    lines.push("");
  }
  for (const item of items.slice(0, listedAtMost)) lines.push(...itemLines(language, item), "");
  if (items.length > listedAtMost) lines.push(words.more(items.length - listedAtMost), "");
  lines.push(words.closing);
  return `${lines.join("\n")}\n`;
}

function itemLines(language: NoticeLanguage, item: NoticeItem): string[] {
  const words = phrases[language];
  const { meaning, remedy } = language === "de" ? germanWords[item.reason] : holdWords[item.reason];
  return [
    item.id,
    ...(item.account === "" ? [] : [`  ${words.account}: ${plain(item.account)}`]),
    `  ${words.from}: ${plain(item.from)}`,
    `  ${words.subjectField}: ${plain(item.subject)}`,
    `  ${words.received}: ${new Date(item.receivedAt).toISOString()}`,
    ...(item.recipient === undefined ? [] : [`  ${words.recipient}: ${plain(item.recipient)}`]),
    `  ${words.reason}: ${item.reason}. ${meaning} (${plain(item.detail, 500)})`,
    `  ${words.todo}: ${remedy}`,
  ];
}

/** On one line, cut, and without anything that could begin a line or steer a terminal. */
function plain(text: string, most: number = longestField): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, most);
}
