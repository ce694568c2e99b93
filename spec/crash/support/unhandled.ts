/** A program that installs the store's guard and lets a promise reject unhandled: `unhandled.ts lmdb|other`. */
import { installStoreGuard } from "../../../src/spool/store-guard.ts";

const [kind = "other"] = process.argv.slice(2);
using _guard = installStoreGuard((detail) => process.stdout.write(`guarded: ${detail}\n`));
const error = new Error(kind === "lmdb" ? "Commit failed (see commitError for details)" : "a fault of our own");
void Promise.reject(kind === "lmdb" ? Object.assign(error, { commitError: Promise.resolve() }) : error);
await new Promise((resolve) => setImmediate(resolve));
process.stdout.write("still running\n");
