/**
 * The bill of materials (CycloneDX, as `npm sbom` writes it) of one commit: its serial number and time are the commit's, so
 * that the same commit gives the same octets, and what the tree happened to be called is not in it. Pure.
 */
import { createHash } from "node:crypto";

export interface Commit {
  readonly id: string;
  /** Seconds since 1970. */
  readonly time: number;
}

/** Throws for what is no bill of materials, or names nothing. */
export function settledBill(written: string, commit: Commit): string {
  const bill: unknown = JSON.parse(written);
  const { metadata, components } = fields(bill);
  if (fields(bill)["bomFormat"] !== "CycloneDX" || !Array.isArray(components) || components.length === 0)
    throw new Error("npm sbom has written no bill of materials");
  const { component, ...about } = fields(metadata);
  const settled = {
    ...fields(bill),
    serialNumber: `urn:uuid:${uuidOf(commit.id)}`,
    metadata: {
      ...about,
      timestamp: new Date(commit.time * 1000).toISOString(),
      component: { ...fields(component), type: "application", name: "popgate" },
    },
  };
  return `${JSON.stringify(settled, undefined, 2)}\n`;
}

/** A UUID whose digits come from a digest: version 8 (RFC 9562 §5.8). */
function uuidOf(text: string): string {
  const digest = createHash("sha256").update(`popgate ${text}`).digest();
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x80, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = digest.subarray(0, 16).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, "$1-$2-$3-$4-$5");
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
