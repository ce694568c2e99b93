/** What one session has done so far, for events and reports. */
export interface Tally {
  listed: number;
  fetched: number;
  octets: number;
  /** DELE was answered with +OK; QUIT makes it good. */
  deleted: number;
  /** Listed and not deleted. */
  left: number;
  held: number;
  /** Read, and known already: compared only, or the copy of another. */
  recognised: number;
  /** Could not be fetched. */
  unfetchable: number;
}

export function emptyTally(): Tally {
  return { listed: 0, fetched: 0, octets: 0, deleted: 0, left: 0, held: 0, recognised: 0, unfetchable: 0 };
}
