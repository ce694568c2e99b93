/**
 * What a process did to its disk, in order: the recorded writes, flushes and changes of names, with its marks between.
 * Paths are relative to the directory that is watched.
 */
export type Step =
  /** A name comes to be. `node`: the file it stands for; `undefined`: a directory. */
  | { readonly kind: "name"; readonly path: string; readonly node: number | undefined }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "unname"; readonly path: string }
  /** Octets are given to the system; from here on they may be on the disk. */
  | { readonly kind: "write"; readonly node: number; readonly at: number; readonly octets: Uint8Array }
  /** A write through a descriptor opened with O_DSYNC has returned: the write that is step `write` is on the disk. */
  | { readonly kind: "written"; readonly write: number }
  /** A flush of a file has returned: what was written to it before step `since` is on the disk. */
  | { readonly kind: "flushed"; readonly node: number; readonly since: number }
  /** A flush of a directory has returned: so are the names in it that were made before step `since`. */
  | { readonly kind: "settled"; readonly path: string; readonly since: number }
  | { readonly kind: "mark"; readonly text: string };

/** Before the first step, on the disk. */
export interface Beginning {
  readonly directories: readonly string[];
  readonly files: readonly { readonly path: string; readonly node: number; readonly octets: Uint8Array }[];
}

export interface Recording {
  readonly beginning: Beginning;
  readonly steps: readonly Step[];
}
