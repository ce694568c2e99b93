/**
 * A step as a later version may bring it, which touches every record of the queue: a field more upwards, a field less
 * downwards, in small batches, and begun anew as often as it is interrupted.
 */
import { after } from "../../src/spool/keys.ts";
import { schemaSteps, type SchemaStep } from "../../src/spool/schema-steps.ts";
import type { Store, Write } from "../../src/spool/store.ts";

const batch = 5;

function* rewritten(store: Store, change: (record: Record<string, unknown>) => Record<string, unknown> | undefined) {
  for (let from = ""; ;) {
    const page = store.range("message", from, undefined, batch);
    yield page.flatMap(({ key, value }): Write[] => {
      const next = change(JSON.parse(value.toString("utf8")) as Record<string, unknown>);
      return next === undefined ? [] : [{ table: "message", key, value: Buffer.from(JSON.stringify(next)) }];
    });
    const last = page.at(-1);
    if (last === undefined || page.length < batch) return;
    from = after(last.key);
  }
}

const marking = (to: number, field: string): SchemaStep => ({
  to,
  up: (store) => rewritten(store, (record) => (field in record ? undefined : { ...record, [field]: true })),
  down: (store) => rewritten(store, ({ [field]: found, ...record }) => (found === undefined ? undefined : record)),
});

/** The program's own steps, and two more. */
export const longerSteps: readonly SchemaStep[] = [...schemaSteps, marking(3, "third"), marking(4, "fourth")];
