/** What a judging process is given. */
import type { PlannedState } from "./plan.ts";
import type { Recording } from "./step.ts";

export interface Job {
  readonly recording: Recording;
  readonly plan: readonly PlannedState[];
  /** Messages that were in the spool before the recording began. */
  readonly kept: readonly { readonly id: string; readonly digest: string }[];
}
