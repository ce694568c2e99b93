/** What the specs of this folder share: headers from lines, and policies with a company's usual settings. */
import { addressKey, mustAddress, type Address, type AddressKey } from "../../src/core/address.ts";
import type { Decision } from "../../src/message/decision.ts";
import { parseHeaderBlock, type HeaderBlock } from "../../src/message/header.ts";
import type { CollectorPolicy } from "../../src/message/policy.ts";
import { collectorPolicy, profileByName, type CollectorOverrides } from "../../src/message/profiles.ts";
import { decide } from "../../src/message/recipients.ts";

export function header(...lines: readonly string[]): HeaderBlock {
  return parseHeaderBlock(Buffer.from(lines.map((line) => `${line}\r\n`).join("") + "\r\n"));
}

export function policy(profile: string, overrides: Partial<CollectorOverrides> = {}): CollectorPolicy {
  const found = profileByName(profile);
  if (found === undefined) throw new TypeError(`no profile ${profile}`);
  return collectorPolicy(found, {
    domains: ["firma.example"],
    hostname: "mail.firma.example",
    limits: { maxReceived: 50, alsoRemove: [] },
    ...overrides,
  });
}

export function aliases(map: Readonly<Record<string, readonly string[]>>): ReadonlyMap<AddressKey, readonly Address[]> {
  return new Map(
    Object.entries(map).map(([from, to]) => [addressKey(mustAddress(from)), to.map((text) => mustAddress(text))]),
  );
}

/** The decision in the shortest form that can be compared: recipients, or the reason of the hold. */
export function outcome(decision: Decision): readonly string[] | string {
  return decision.kind === "deliver" ? decision.recipients : decision.reason;
}

export function decided(rules: CollectorPolicy, ...lines: readonly string[]): Decision {
  return decide(header(...lines), rules);
}

export const received = "Received: from mail.kunde.example ([192.0.2.1]) by mx.provider.example with ESMTPS id 1; now";
export const author = ["From: Sender <s@kunde.example>", "To: list@kunde.example", "Subject: x"] as const;
