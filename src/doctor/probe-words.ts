/** The verdict on a provider as findings: fit or not and why, the lines that configure it, and what came back. Pure. */
import type { FieldSurvey } from "./field-survey.ts";
import { usualDepth } from "./field-survey.ts";
import { toCcName } from "./envelope-choices.ts";
import { Notes, type Finding } from "./finding.ts";
import { probeKinds, type ProbeKind } from "./probe-mails.ts";
import type { ForgedField, Given, TriedWay, Verdict } from "./probe-verdict.ts";

const mailWords: Readonly<Record<ProbeKind, string>> = {
  to: "mail in To",
  cc: "mail in Cc",
  bcc: "a blind copy",
  several: "mail to three at once",
};

export function verdictFindings(verdict: Verdict, account: string): readonly Finding[] {
  const notes = new Notes(`probe of ${account}`);
  tellFit(verdict, notes);
  tellCopies(verdict, notes);
  tellFields(verdict, notes);
  tellForged(verdict.forged, notes);
  return notes.findings;
}

function tellFit(verdict: Verdict, notes: Notes): void {
  const { fit, best, configured } = verdict;
  const way = best === undefined ? "" : ` by ${best.choice.name}`;
  const isConfigured = best !== undefined && configured !== undefined && isAsGood(configured, best);
  const remedy = isConfigured ? "The account is configured so that it does." : "Configure the account so:";
  const lines = isConfigured ? undefined : best?.choice.lines;
  switch (fit) {
    case "yes":
      notes.ok(
        "probe-fit",
        `fit for a collector: every mail, the blind copy too, reaches exactly its recipients${way}`,
        remedy,
        lines,
      );
      break;
    case "limits":
      notes.warn("probe-fit-with-limits", `fit for a collector with limits: ${limitWords(best)}${way}`, remedy, lines);
      break;
    case "no":
      notes.error("probe-not-fit", `not fit for a collector: ${whyNot(verdict)}`, noRemedy(verdict));
      break;
    case "unknown":
      notes.warn(
        "probe-undecided",
        "whether it is fit for a collector cannot be said: too little came back, the blind copy above all",
        "See whether it went to a spam folder, whether the addresses have a box at the provider, and try it with other ones (--to) or for longer (--wait).",
      );
  }
  if (!isConfigured && configured !== undefined && (fit === "yes" || fit === "limits"))
    tellConfigured(configured, notes);
}

function tellConfigured({ given, strays, heldFor }: TriedWay, notes: Notes): void {
  if (strays.length > 0)
    notes.error(
      "probe-misdelivered",
      `as it is configured now, mail goes to ${strays.join(", ")}, to whom none was sent`,
    );
  const held = [...given].filter(([, one]) => one === "held" || one === "partly").map(([kind]) => kind);
  const [first] = held;
  if (first !== undefined)
    notes.warn(
      "probe-held",
      `as it is configured now, ${held.map((kind) => mailWords[kind]).join(", ")} is held: ${heldFor.get(first) ?? "some of it"}`,
    );
}

function isAsGood(one: TriedWay, other: TriedWay): boolean {
  return [...other.given].every(([kind, given]) => one.given.get(kind) === given);
}

function limitWords(best: TriedWay | undefined): string {
  const words: Readonly<Record<Given, string>> = {
    right: "",
    wrong: "",
    repeated: "comes to each of its recipients more than once",
    partly: "is held in part, or does not reach everybody",
    held: "is held until somebody looks",
    absent: "has not come back, so that nothing is known of it",
  };
  const said = probeKinds.flatMap((kind) => {
    const given = best?.given.get(kind);
    const what = given === undefined ? "could not be sent" : words[given];
    return what === "" ? [] : [`${mailWords[kind]} ${what}`];
  });
  return `${said.join("; ")}; the rest is right`;
}

function whyNot({ best, boxAddress, forged }: Verdict): string {
  if (boxAddress !== undefined)
    return `its field names ${boxAddress} for every mail, which is the box itself: the recipient has been rewritten before`;
  if (best === undefined || best.choice.name === toCcName)
    return "nothing that it writes into the mail names the recipient; who got a blind copy cannot be found out";
  if (best.given.get("cc") === "wrong" && forged.some(({ where }) => where !== "removed"))
    return `${best.choice.name} names ${best.strays.join(", ")}: it takes a field for the provider's that a sender wrote`;
  if (best.strays.length > 0) return `${best.choice.name} names ${best.strays.join(", ")}, to whom none was sent`;
  return `the recipient of a blind copy cannot be found out (${best.heldFor.get("bcc") ?? best.choice.name})`;
}

function noRemedy({ boxAddress }: Verdict): string {
  return boxAddress === undefined
    ? "Ask the provider for a box in front of which the envelope recipient is written into the header, or use a box for each person ([[mailbox]])."
    : "Ask the provider to write the address as it came in (X-Original-To, Envelope-To), or use a box for each person ([[mailbox]]).";
}

function tellCopies({ copies }: Verdict, notes: Notes): void {
  const said = [...copies].map(([kind, count]) => `${mailWords[kind]}: ${count === 0 ? "none" : String(count)}`);
  notes.info("probe-copies", `copies that came back: ${said.join("; ")}`);
}

const mostFields = 8;

function tellFields({ fields, best }: Verdict, notes: Notes): void {
  for (const field of fields.slice(0, mostFields))
    notes.info(
      "probe-field",
      `${field.name} stands ${placeWords(field, best)}, in ${field.messages} message(s), naming ${field.people} own address(es)`,
    );
  if (fields.length === 0) notes.info("probe-no-field", "no field in it looks like an envelope recipient");
}

function placeWords(field: FieldSurvey, best: TriedWay | undefined): string {
  const depth = usualDepth(field);
  if (depth === 0) return "above the Received fields";
  const isBest = best?.choice.policy.sources.some(
    (source) => source.kind === "field" && source.name.toLowerCase() === field.lower,
  );
  if (field.atEnd === field.messages || (isBest === true && best?.choice.policy.place.kind === "bottom"))
    return "at the end of the header";
  return `below ${depth} Received field(s)`;
}

function tellForged(forged: readonly ForgedField[], notes: Notes): void {
  if (forged.length === 0) return;
  const of = (where: ForgedField["where"]): string =>
    forged
      .filter((field) => field.where === where)
      .map(({ name }) => name)
      .join(", ");
  if (of("removed") !== "") notes.info("probe-forged-removed", `removed when a sender writes it: ${of("removed")}`);
  if (of("below") !== "")
    notes.info(
      "probe-forged-below",
      `kept when a sender writes it, below what the provider wrote, where it is not believed: ${of("below")}`,
    );
  if (of("above") !== "")
    notes.warn(
      "probe-forged-above",
      `kept when a sender writes it, where it looks like the provider's own: ${of("above")}`,
      "None of these may be read from this box, unless the provider writes its own above it.",
    );
}
