/**
 * From the addresses that were read to the recipients: prefix off, local domains only, aliases, duplicates dropped.
 *
 * No address outside the company's domains ever becomes a recipient, unless an alias (which the administrator wrote)
 * leads there. Aliases are applied once; their targets are taken as they are.
 */
import { addressKey, domainOf, localPart, parseAddress, type Address, type AddressKey } from "../core/address.ts";
import { maxEvidence, type Evidence } from "./decision.ts";
import type { CollectorPolicy } from "./policy.ts";

type MappingPolicy = Pick<CollectorPolicy, "domains" | "aliases" | "stripPrefix">;

export interface Mapped {
  readonly recipients: readonly Address[];
  readonly ignored: Evidence["ignored"];
  readonly mapped: Evidence["mapped"];
}

/** Maps what a source gave to recipients, with every step on record. */
export function mapRecipients(addresses: readonly Address[], policy: MappingPolicy): Mapped {
  const recipients = new Map<AddressKey, Address>();
  const ignored: { what: string; why: string }[] = [];
  const mapped: Evidence["mapped"][number][] = [];
  for (const written of addresses) {
    const address = stripped(written, policy.stripPrefix);
    if (address !== written) mapped.push({ from: written, to: [address], by: "prefix" });
    if (!isLocal(address, policy)) {
      ignored.push({ what: address, why: `${domainOf(address)} is not among the configured domains` });
      continue;
    }
    const targets = aliasTargets(address, policy);
    if (targets !== undefined) mapped.push({ from: address, to: targets, by: "alias" });
    for (const target of targets ?? [address]) {
      const key = addressKey(target);
      const before = recipients.get(key);
      if (before === undefined) recipients.set(key, target);
      else mapped.push({ from: target, to: [before], by: "duplicate" });
    }
  }
  return {
    recipients: [...recipients.values()],
    ignored: ignored.slice(0, maxEvidence),
    mapped: mapped.slice(0, maxEvidence),
  };
}

/** Takes the prefix that a virtual domain puts before a local part off; an address without it stays as it is. */
function stripped(address: Address, prefix: string | undefined): Address {
  if (prefix === undefined || prefix === "") return address;
  const local = localPart(address);
  if (!local.toLowerCase().startsWith(prefix.toLowerCase())) return address;
  const parsed = parseAddress(`${local.slice(prefix.length)}@${domainOf(address)}`);
  return parsed.kind === "ok" ? parsed.address : address;
}

function isLocal(address: Address, policy: MappingPolicy): boolean {
  return policy.domains.includes(domainOf(address));
}

function aliasTargets(address: Address, policy: MappingPolicy): readonly Address[] | undefined {
  const exact = policy.aliases.get(addressKey(address));
  if (exact !== undefined) return exact;
  const any = parseAddress(`*@${domainOf(address)}`);
  return any.kind === "ok" ? policy.aliases.get(addressKey(any.address)) : undefined;
}
