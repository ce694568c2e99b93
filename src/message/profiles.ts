/** What is known of providers: where each writes the envelope of a message. */
import type { CollectorPolicy, Place, Source } from "./policy.ts";

export interface Profile {
  readonly name: string;
  readonly title: string;
  readonly place: Place;
  readonly sources: readonly Source[];
  readonly providerHosts: readonly string[];
  readonly stripPrefix: string | undefined;
  readonly absentWhenSeveral: boolean;
  /** `documented`: by the maker. `observed`: in mail in public archives. `assumed`: from the software that seems to run. */
  readonly certainty: "documented" | "observed" | "assumed";
  /** Public source of the form. */
  readonly reference: string;
}

export const profiles: readonly Profile[] = [];

/** What the company says for itself, and what it sets otherwise than the profile. `undefined` takes the profile's. */
export type CollectorOverrides = Pick<CollectorPolicy, "domains" | "limits" | "hostname"> & {
  readonly [K in Exclude<keyof CollectorPolicy, "kind" | "domains" | "limits" | "hostname">]?:
    | CollectorPolicy[K]
    | undefined;
};

export function profileByName(name: string): Profile | undefined {
  return profiles.find((profile) => profile.name === name);
}

export function collectorPolicy(profile: Profile, overrides: CollectorOverrides): CollectorPolicy {
  throw new TypeError(`not written yet: ${profile.name} ${overrides.hostname}`);
}
