/** What the reasons of holds mean and what to do, in German. The server says it in English (`core/hold.ts`). */
import type { HoldReason, HoldWords } from "../../src/core/hold.ts";

export const germanHolds: Readonly<Record<HoldReason, HoldWords>> = {
  "envelope-missing": {
    meaning: "Die Nachricht trägt keines der Umschlagfelder, die für das Konto konfiguriert sind.",
    remedy:
      "An die richtigen Leute freigeben. Sind es viele, `profile` oder `envelope` berichtigen und neu entscheiden lassen.",
  },
  "envelope-untrusted": {
    meaning: "Das konfigurierte Umschlagfeld steht nur dort, wo es auch der Absender geschrieben haben kann.",
    remedy:
      "Schreibt es der Anbieter wirklich dorthin, `place`, `trusted_hops` oder `markers` setzen, wie die Einzelheit sagt.",
  },
  "envelope-drift": {
    meaning: "Das Feld, das bisher die Empfänger nannte, fehlt: Der Anbieter kann seinen Server geändert haben.",
    remedy: "Nachsehen, was der Anbieter jetzt schreibt, das Konto berichtigen und neu entscheiden lassen.",
  },
  "envelope-unreadable": {
    meaning: "Das Umschlagfeld ist da, enthält aber keine lesbare Adresse.",
    remedy: "An die richtigen Leute freigeben und die Form des Feldes melden, damit es künftig gelesen werden kann.",
  },
  "envelope-contradiction": {
    meaning: "Das Umschlagfeld und die Received-Zeile des Anbieters nennen verschiedene Empfänger.",
    remedy: "Eines von beiden ist gefälscht oder veraltet. Die Nachricht an die richtigen Leute freigeben.",
  },
  "profile-undecided": {
    meaning: "Das Konto soll sein Profil selbst lernen und hat noch nicht genug übereinstimmende Nachrichten gesehen.",
    remedy: "`profile` oder `envelope` von Hand setzen oder warten, bis mehr Post gekommen ist.",
  },
  "no-local-recipient": {
    meaning: "Der Umschlag nennt nur Adressen außerhalb der konfigurierten `domains`.",
    remedy:
      "Gehört die Domäne zu uns, sie oder einen Alias eintragen und neu entscheiden lassen; sonst die Nachricht verwerfen.",
  },
  loop: {
    meaning: "Die Nachricht war schon einmal bei popgate.",
    remedy:
      "Herausfinden, wer sie zurückschickt: eine Weiterleitung, eine Mailingliste oder ein Relay, das eigene Post zurückgibt.",
  },
  "too-many-hops": {
    meaning: "Die Nachricht trägt mehr Received-Felder, als ein ehrlicher Weg braucht: Sie läuft im Kreis.",
    remedy: "Die Schleife suchen, dann die Nachricht verwerfen oder einmal freigeben.",
  },
  "header-too-large": {
    meaning: "Der Kopf der Nachricht ist größer, als popgate liest.",
    remedy: "Die Nachricht ansehen; an die richtigen Leute freigeben oder verwerfen.",
  },
  "server-internal": {
    meaning: "Das ist eine Notiz der Postfachsoftware des Anbieters an sich selbst, keine Post.",
    remedy: "Nichts zu tun; sie kann verworfen werden.",
  },
  refused: {
    meaning: "Das Ziel hat diesen Empfänger endgültig abgewiesen.",
    remedy: "Das Postfach anlegen und erneut versuchen; oder umleiten; oder verwerfen.",
  },
  "gave-up": {
    meaning: "Das Ziel war länger nicht erreichbar oder wies länger ab, als `give_up` erlaubt.",
    remedy: "Das Ziel in Ordnung bringen, dann erneut versuchen.",
  },
  "sender-refused": {
    meaning: "Kein Relay nimmt Post von diesem Absender an.",
    remedy:
      "Den Absender beim Anbieter freischalten lassen oder `envelope_from` für das Relay setzen; dann erneut versuchen.",
  },
  "cannot-convert": {
    meaning: "Dem Ziel fehlt eine Erweiterung, ohne die diese Nachricht nicht auskommt.",
    remedy:
      "An eine Adresse umleiten, die sie nicht braucht, oder die Erweiterung am Ziel einschalten und erneut versuchen.",
  },
  damaged: {
    meaning: "Die gespeicherte Nachricht ließ sich nicht vollständig zurücklesen.",
    remedy: "Sie beim Anbieter erneut abholen, falls sie noch da ist; mit `popgate rescue` herausholen, was übrig ist.",
  },
  "by-administrator": {
    meaning: "Ein Administrator hat sie angehalten.",
    remedy: "Freigeben oder verwerfen.",
  },
};
