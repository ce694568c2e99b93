/**
 * For whom a message is: any header block under any profile.
 *
 * Holds: there is always a decision, and the same one again; nobody outside the company's domains, its aliases and the
 * fallback gets anything; what is removed are ranges in order within the header block; after they are gone no envelope
 * field, blind copy or return path is left, and no octet outside of them has gone; the decision depends on nothing below
 * the block; a reverse path is an address or none.
 */
import { addressKey, domainOf, mustAddress, parseAddress, type Address } from "../../../src/core/address.ts";
import type { Decision } from "../../../src/message/decision.ts";
import { isNeverHandedOn } from "../../../src/message/envelope-fields.ts";
import { parseHeaderBlock } from "../../../src/message/header.ts";
import type { CollectorPolicy } from "../../../src/message/policy.ts";
import { collectorPolicy, profiles } from "../../../src/message/profiles.ts";
import { decide } from "../../../src/message/recipients.ts";
import { render } from "../../../src/message/render.ts";
import { corpusFolder, hold, type Target } from "../target.ts";

const boss = mustAddress("chef@firma.example");
const elsewhere = mustAddress("archive@elsewhere.example");
const fallback = mustAddress("post@firma.example");
const domains = ["firma.example", "xn--mller-kva.example"];
const targets: ReadonlySet<Address> = new Set([boss, elsewhere, fallback]);

const rules: readonly CollectorPolicy[] = profiles.flatMap((profile) =>
  [0, 1, 2].map((variant) =>
    collectorPolicy(profile, {
      domains,
      hostname: "mail.firma.example",
      limits: { maxReceived: 50, alsoRemove: variant === 1 ? ["x-internal"] : [] },
      ...(variant === 0 ? {} : { fallback, stripPrefix: "box-" }),
      ...(variant === 2
        ? {
            aliases: new Map([
              [addressKey(mustAddress("info@firma.example")), [boss, elsewhere]],
              [addressKey(mustAddress("*@xn--mller-kva.example")), [fallback]],
            ]),
            established: "envelope-to" as const,
          }
        : {}),
    }),
  ),
);

function checkRecipients(decision: Decision): void {
  if (decision.kind === "hold") return;
  const keys = decision.recipients.map(addressKey);
  hold(new Set(keys).size === keys.length, "a recipient stands twice");
  for (const recipient of decision.recipients) {
    const own = domains.includes(domainOf(recipient));
    hold(own || targets.has(recipient), "a recipient outside the domains", recipient);
    const again = parseAddress(recipient);
    hold(again.kind === "ok" && again.address === recipient, "a recipient that is no address", recipient);
  }
}

async function* whole(message: Buffer): AsyncGenerator<Buffer> {
  yield message;
}

/** Line ends as SMTP has them: an LF with any number of CR before it is one, each other CR is one. */
function withCrlf(octets: Buffer): string {
  return octets.toString("latin1").replace(/\r*\n|\r/gu, "\r\n");
}

async function checkRemoval({ removed }: Decision, message: Buffer, policy: CollectorPolicy): Promise<void> {
  const header = parseHeaderBlock(message);
  let end = 0;
  let kept = "";
  for (const range of removed) {
    hold(range.start >= end && range.end > range.start, "cuts out of order", range);
    hold(range.end <= header.bodyStart, "a cut in the body", range);
    kept += withCrlf(message.subarray(end, range.start));
    end = range.end;
    const isField = header.fields.some((field) => field.start === range.start && field.end === range.end);
    const within = header.fields.some(
      (field) => field.lower === "received" && field.start < range.start && range.end <= field.end,
    );
    hold(isField || within || range.end === header.mboxFrom?.end, "a cut across fields", range);
  }
  kept += withCrlf(message.subarray(end));
  const configured = new Set([
    ...policy.limits.alsoRemove,
    ...policy.sources.flatMap((source) => (source.kind === "field" ? [source.name.toLowerCase()] : [])),
  ]);
  for (const field of header.fields) {
    if (!isNeverHandedOn(field.lower) && !configured.has(field.lower)) continue;
    const gone = removed.some(({ start, end }) => start <= field.start && end >= field.end);
    hold(gone, "an envelope field is left", field.name);
  }
  if (kept !== "" && !kept.endsWith("\r\n")) kept += "\r\n";
  const sent: Buffer[] = [];
  for await (const piece of render(whole(message), { prepend: "", cuts: removed })) sent.push(Buffer.from(piece));
  const onTheWire = Buffer.concat(sent);
  hold(onTheWire.toString("latin1") === kept, "an octet outside of the cuts has changed");
  const left = parseHeaderBlock(onTheWire).fields.filter(({ lower }) => isNeverHandedOn(lower));
  hold(
    left.length === 0,
    "an envelope field comes into being",
    left.map(({ name }) => name),
  );
}

async function run(input: Buffer): Promise<void> {
  const policy = rules[(input[0] ?? 0) % rules.length];
  hold(policy !== undefined, "no policy");
  const message = input.subarray(1);
  const header = parseHeaderBlock(message);
  const decision = decide(header, policy);
  checkRecipients(decision);
  await checkRemoval(decision, message, policy);
  const { reversePath, evidence } = decision;
  if (reversePath.kind === "address")
    hold(parseAddress(reversePath.address).kind === "ok", "a reverse path that is no address");
  hold(evidence.ignored.length <= 100 && evidence.mapped.length <= 100, "evidence without end");
  // Where parsers disagree on the end of the block, that they do depends on what stands there.
  if (header.irregular) return;
  const alone = decide(parseHeaderBlock(message.subarray(0, header.bodyStart)), policy);
  hold(JSON.stringify(alone) === JSON.stringify(decision), "the body has a say in the decision");
}

const received = "Received: from a.example (a.example [192.0.2.1]) by mx.provider.example with ESMTP id 1";

export const target: Target = {
  name: "envelope",
  maxOctets: 3000,
  dictionary: [
    "Envelope-To: ",
    "Delivered-To: ",
    "X-Original-To: ",
    "Received: from x by y",
    " for <info@firma.example>",
    "info@firma.example",
    "chef@firma.example",
    "@müller.example",
    "box-",
    "\r\n",
    ", ",
    "Return-Path: <a@b.example>\r\n",
    "Auto-Submitted: auto-replied\r\n",
  ],
  seeds: profiles.map((_, index) =>
    Buffer.from(
      `${String.fromCharCode((index * 3) % 128)}Return-Path: <a@kunde.example>\r\nEnvelope-To: info@firma.example\r\n` +
        `X-Original-To: info@firma.example\r\nDelivered-To: box-chef@firma.example\r\n${received} for <info@firma.example>; now\r\n` +
        "From: a@kunde.example\r\nTo: list@kunde.example\r\nBcc: x@firma.example\r\nSubject: x\r\n" +
        "Envelope-To: <chef@firma.example>\r\n\r\nbody\r\n",
    ),
  ),
  examples: { folders: [corpusFolder("envelope"), corpusFolder("fuzz/mail")], front: Buffer.of(0) },
  work: { perOctet: 250, fixed: 20_000 },
  run,
};
