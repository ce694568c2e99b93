/** What `core/hold.ts` says about each reason, in German. */
import type { HoldReason, HoldWords } from "../core/hold.ts";

export const germanHoldWords: Readonly<Record<HoldReason, HoldWords>> = {
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
  "sender-refused": {
    meaning: "Kein Relay nimmt Post von diesem Absender an.",
    remedy: "Den Absender beim Anbieter zulassen oder `envelope_from` am Relay setzen; dann erneut versuchen.",
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
