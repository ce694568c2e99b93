/** Reports to senders, in German. */
import type { ReportWords } from "./report-words.ts";

const administrator = "Wenden Sie sich an Ihren Administrator; die Antwort des Servers unten hilft ihm weiter.";
const later = "Senden Sie die Nachricht später noch einmal, oder erreichen Sie die Person auf anderem Weg.";

const folgende = (count: number): string =>
  count === 1 ? "den folgenden Empfänger" : `die folgenden ${count} Empfänger`;
const megabytes = (octets: number): string => (octets / 1_000_000).toFixed(1).replace(".", ",");

export const germanReport: ReportWords = {
  locale: "de-DE",
  name: "Mailzustellung",
  subject: { failed: "Unzustellbar", delayed: "Verzögert", relayed: "Weitergegeben" },
  noSubject: "(ohne Betreff)",
  opening: {
    failed: (count) => `Ihre Nachricht konnte an ${folgende(count)} nicht zugestellt werden.`,
    delayed: (count) => `Ihre Nachricht ist an ${folgende(count)} noch nicht zugestellt.`,
    relayed: (count) => `Ihre Nachricht wurde für ${folgende(count)} an einen anderen Mailserver weitergegeben.`,
  },
  outlook: {
    failed: () => "Es wird nicht weiter versucht. Soll sie noch ankommen, muss sie neu gesendet werden.",
    delayed: (until) =>
      `Sie müssen nichts tun und sie nicht noch einmal senden. Es wird bis ${until} weiter versucht; gelingt es bis dahin nicht, erhalten Sie eine Nachricht.`,
    relayed: () =>
      "Dieser Server sendet selbst keine Zustellbestätigungen. Ob die Nachricht im Postfach angekommen ist, lässt sich von hier aus nicht sagen; einen Fehler würde er in der Regel melden.",
  },
  subjectField: "Betreff",
  sent: "Gesendet",
  meaning: "Grund",
  remedy: "Was Sie tun können",
  said: (server) => (server === undefined ? "Antwort des Servers" : `Antwort von ${server}`),
  detail: "Technische Angabe",
  expired: (meaning) => `Es wurde bis zum Ende der Frist vergeblich versucht. Zuletzt: ${meaning}`,
  notTriedYet: "Der Mailserver, über den die Nachricht geht, nimmt zurzeit nichts an.",
  relayedTo: (server) => `Weitergegeben an ${server ?? "den nächsten Mailserver"}.`,
  sizes: (size, limit) => `(Sie hat ${megabytes(size)} MB, erlaubt sind ${megabytes(limit)} MB.)`,
  others: (others) =>
    others === 1
      ? "Um einen weiteren Empfänger der Nachricht geht es in diesem Bericht nicht."
      : `Um ${others} weitere Empfänger der Nachricht geht es in diesem Bericht nicht.`,
  more: (count) => `… und ${count} weitere; alle stehen im angehängten Zustellbericht.`,
  returned: {
    headers: "Der Kopf Ihrer Nachricht ist angehängt.",
    message: "Ihre Nachricht ist angehängt.",
    none: "",
  },
  help: (postmaster) => `Wenn Sie Hilfe brauchen, leiten Sie diesen Bericht an ${postmaster} weiter.`,
  id: (id, hostname) => `Vorgang ${id} auf ${hostname}`,
  reasons: {
    "no-mailbox": {
      meaning: "Diese Adresse ist beim Empfänger nicht bekannt.",
      remedy:
        "Prüfen Sie die Schreibweise. Hat Ihr Mailprogramm die Adresse vorgeschlagen, löschen Sie den Vorschlag und tippen Sie sie neu ein.",
    },
    "mailbox-closed": {
      meaning: "Das Postfach nimmt keine Nachrichten an.",
      remedy: "Fragen Sie die Person auf anderem Weg nach einer anderen Adresse.",
    },
    "no-domain": {
      meaning: "Die Domain der Adresse (hinter dem @) gibt es nicht, oder sie nimmt keine E-Mails an.",
      remedy: "Prüfen Sie die Schreibweise der Adresse hinter dem @.",
    },
    "bad-address": {
      meaning: "Der Server hält die Adresse für ungültig oder nicht eindeutig.",
      remedy: "Prüfen Sie die Schreibweise, auch auf Leerzeichen und Sonderzeichen.",
    },
    "mailbox-full": { meaning: "Das Postfach des Empfängers ist voll.", remedy: later },
    "too-large": {
      meaning: "Die Nachricht ist größer, als auf dem Weg zum Empfänger angenommen wird.",
      remedy: "Senden Sie weniger oder kleinere Anhänge, oder geben Sie die Dateien auf anderem Weg weiter.",
    },
    spam: {
      meaning: "Ein Mailserver hält die Nachricht für unerwünschte Werbung oder für schädlich.",
      remedy:
        "Lassen Sie auffällige Anhänge und Links weg, oder erreichen Sie die Person auf anderem Weg. Geschieht es öfter, wenden Sie sich an Ihren Administrator.",
    },
    sender: { meaning: "Ihre Absenderadresse wird auf dem Weg zum Empfänger nicht angenommen.", remedy: administrator },
    "sender-unproved": {
      meaning:
        "Der Server konnte nicht bestätigen, dass die Nachricht wirklich von Ihrer Domain kommt (SPF, DKIM, DMARC).",
      remedy: administrator,
    },
    policy: {
      meaning: "Der Server des Empfängers lässt die Nachricht nach seinen Regeln nicht zu.",
      remedy:
        "Manche Adressen nehmen nur Nachrichten bestimmter Absender an. Fragen Sie die Person auf anderem Weg, oder wenden Sie sich an Ihren Administrator.",
    },
    content: {
      meaning: "Der Server kann die Nachricht in dieser Form nicht annehmen.",
      remedy: "Senden Sie sie als einfachen Text oder mit anderen Anhängen.",
    },
    "no-utf8": {
      meaning: "Die Adresse enthält Zeichen, die auf dem Weg zum Empfänger nicht unterstützt werden.",
      remedy: "Fragen Sie die Person nach einer Adresse ohne Umlaute und Sonderzeichen.",
    },
    "no-eight-bit": {
      meaning: "Der Server kann die Nachricht in ihrer Zeichenkodierung nicht annehmen.",
      remedy: administrator,
    },
    "no-require-tls": {
      meaning:
        "Die Nachricht darf nur verschlüsselt weitergegeben werden, und das ist auf dem Weg zum Empfänger nicht möglich.",
      remedy: "Senden Sie sie ohne diese Forderung, oder geben Sie den Inhalt auf anderem Weg weiter.",
    },
    loop: { meaning: "Die Nachricht wird im Kreis geschickt.", remedy: administrator },
    "too-many": {
      meaning: "Es sind zu viele Empfänger oder zu viele Nachrichten in kurzer Zeit.",
      remedy: "Senden Sie die Nachricht später noch einmal, an weniger Empfänger auf einmal.",
    },
    busy: { meaning: "Der Server hat die Nachricht vorläufig nicht angenommen.", remedy: later },
    unreachable: { meaning: "Der Mailserver war nicht zu erreichen.", remedy: later },
    "name-unknown": { meaning: "Der Name des Mailservers war nicht aufzulösen.", remedy: later },
    tls: { meaning: "Eine sichere Verbindung zum Mailserver kam nicht zustande.", remedy: administrator },
    login: { meaning: "Der Mailserver nimmt die Anmeldung unseres Servers nicht an.", remedy: administrator },
    returned: { meaning: "Ein Administrator hat die Nachricht unzugestellt zurückgegeben.", remedy: administrator },
    "own-fault": { meaning: "Unser Mailserver konnte die Nachricht nicht bearbeiten.", remedy: administrator },
    refused: { meaning: "Der Server hat die Nachricht abgelehnt.", remedy: administrator },
  },
};
