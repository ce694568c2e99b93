/** The fixed words of notices, in German and in English. */
import type { HoldReason, HoldWords } from "../core/hold.ts";
import { holdWords } from "../core/hold.ts";
import { germanHoldWords } from "./german-words.ts";
import type { TroubleKind } from "./troubles.ts";

export type NoticeLanguage = "de" | "en";

interface NoticeWords {
  readonly subject: {
    readonly messages: (count: number) => string;
    readonly account: string;
    readonly spool: string;
  };
  readonly opening: (host: string) => string;
  readonly safe: string;
  readonly troubles: string;
  readonly counts: string;
  readonly more: (count: number) => string;
  readonly account: string;
  readonly from: string;
  readonly subjectField: string;
  readonly received: string;
  readonly recipient: string;
  readonly reason: string;
  readonly todo: string;
  readonly closing: string;
  readonly holds: Readonly<Record<HoldReason, HoldWords>>;
  /** What it means, and what to do where that is not said by the detail. */
  readonly trouble: Readonly<Record<TroubleKind, string>>;
}

const german: NoticeWords = {
  subject: {
    messages: (count) => `popgate: ${count} ${count === 1 ? "Nachricht wartet" : "Nachrichten warten"} auf Sie`,
    account: "popgate: ein Konto braucht Hilfe",
    spool: "popgate: der Spool braucht Hilfe",
  },
  opening: (host) => `popgate auf ${host} hat Nachrichten angehalten oder kommt mit einem Konto nicht weiter.`,
  safe: "Nichts davon ist verloren; es liegt im Spool oder beim Anbieter, bis Sie entscheiden.",
  troubles: "Was nicht weitergeht:",
  counts: "Angehalten, nach Grund:",
  more: (count) => `… und ${count} weitere.`,
  account: "Konto",
  from: "Von",
  subjectField: "Betreff",
  received: "Empfangen",
  recipient: "Empfänger",
  reason: "Grund",
  todo: "Zu tun",
  closing: "Nach einer Änderung der Konfiguration entscheidet `popgate resolve` alles Angehaltene neu.",
  holds: germanHoldWords,
  trouble: {
    login: "Der Anbieter lehnt die Anmeldung ab. Bitte Benutzer und Passwort prüfen.",
    tls: "Die gesicherte Verbindung kommt nicht zustande. Bitte Zertifikat und TLS-Einstellungen prüfen.",
    permanent: "Der Server verweigert etwas, ohne das es nicht geht.",
    lasting: "Seit Stunden ist kein Abruf mehr gelungen.",
    drift: "Das Umschlagfeld, das bisher die Empfänger nannte, fehlt; solche Nachrichten werden angehalten.",
    undecided: "Das Profil des Anbieters ist noch nicht erkannt; Nachrichten werden angehalten.",
    rebuilt: "Der Anbieter hat allen Nachrichten neue Kennungen gegeben; bekannte wurden am Inhalt erkannt.",
    account: "Ein Hinweis zum Konto.",
    box: "Eine Nachricht bleibt im Postfach.",
    "relay-auth":
      "Das Relay lehnt die Anmeldung ab; seine Post wartet oder geht den Ersatzweg. Bitte Benutzer und Passwort prüfen.",
    "relay-sender":
      "Das Relay lässt diesen Absender nicht zu; seine Post wartet. Beim Anbieter zulassen oder `envelope_from` setzen.",
    "relay-quota": "Das Kontingent beim Relay ist verbraucht; die Post wartet, bis wieder etwas frei ist.",
    "relay-down": "Das Relay ist seit Stunden nicht erreichbar; seine Post wartet.",
    unroutable: "Für diesen Absender ist kein Relay eingestellt; die Post wartet. Bitte `senders` ergänzen.",
    dkim: "Der DKIM-Schlüssel ist nicht lesbar. Post seiner Domain wartet, falls kein älterer unterschreiben kann.",
    listener: "An dieser Adresse nimmt popgate keine Post an.",
    web: "Die Webseite von popgate lässt sich dort nicht öffnen.",
    certificate: "Mit dem Zertifikat stimmt etwas nicht, oder es läuft bald ab.",
    "back-pressure": "Neue Post wurde vorläufig abgewiesen und blieb in Exchange.",
    "spool-full": "Der Spool war voll und nahm nichts Neues an.",
    "spool-failed": "Der Spool ließ sich nicht beschreiben.",
    "set-aside": "Ein Eintrag des Spools war nicht lesbar; er ist mit seinem Inhalt beiseitegelegt.",
  },
};

const english: NoticeWords = {
  subject: {
    messages: (count) => `popgate: ${count} ${count === 1 ? "message waits" : "messages wait"} for you`,
    account: "popgate: an account needs help",
    spool: "popgate: the spool needs help",
  },
  opening: (host) => `popgate on ${host} has held messages, or cannot get on with an account.`,
  safe: "None of this is lost; it stays in the spool, or with the provider, until you decide.",
  troubles: "What cannot get on:",
  counts: "Held, by reason:",
  more: (count) => `… and ${count} more.`,
  account: "Account",
  from: "From",
  subjectField: "Subject",
  received: "Received",
  recipient: "Recipient",
  reason: "Reason",
  todo: "To do",
  closing: "After a change of the configuration, `popgate resolve` decides everything that is held again.",
  holds: holdWords,
  trouble: {
    login: "The provider refuses the login. Check user and password.",
    tls: "The secured connection does not come about. Check the certificate and the TLS settings.",
    permanent: "The server refuses something that cannot be done without.",
    lasting: "No poll has succeeded for hours.",
    drift: "The envelope field that has named the recipients so far is missing; such mail is held.",
    undecided: "The provider's profile is not known yet; mail is held.",
    rebuilt: "The provider has given new ids to all messages; known ones were recognised by their content.",
    account: "A note on the account.",
    box: "A message stays in the box.",
    "relay-auth": "The relay refuses the login; its mail waits or takes another relay. Check user and password.",
    "relay-sender":
      "The relay does not allow this sender; the mail waits. Have the provider allow it, or set `envelope_from`.",
    "relay-quota": "The allowance at the relay is spent; mail waits until there is some again.",
    "relay-down": "The relay has not been reachable for hours; its mail waits.",
    unroutable: "No relay is configured for this sender; the mail waits. Add the sender to `senders`.",
    dkim: "The DKIM key cannot be used. Mail of its domain waits, unless an older key can sign.",
    listener: "popgate takes no mail at this address.",
    web: "The web page cannot be opened there.",
    certificate: "Something is wrong with the certificate, or it ends soon.",
    "back-pressure": "New mail was refused for the time being, and stayed in Exchange.",
    "spool-full": "The spool was full and took nothing new in.",
    "spool-failed": "The spool could not be written.",
    "set-aside": "An entry of the spool could not be read; it is set aside with its octets.",
  },
};

export const noticeWords: Readonly<Record<NoticeLanguage, NoticeWords>> = { de: german, en: english };
