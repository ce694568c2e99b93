/**
 * Lets popgate and fetchmail drain a box, and writes what came of it into a file. Started in a network of its own, with a
 * Dovecot and a target of its own (`quick-ack.ts`).
 *
 * Arguments: file, number of rounds, number of messages.
 */
import { writeFile } from "node:fs/promises";
import { fetchmail, popgate } from "./collectors.ts";
import { userOf } from "./drain.ts";
import { makeMailSet } from "./mail-set.ts";
import { openPlace } from "./place.ts";
import type { Drains } from "./quick-ack-drains.ts";
import { takeTurns } from "./turns.ts";

const [file = "", rounds = "", count = ""] = process.argv.slice(2);
await using place = await openPlace([popgate, fetchmail].map(userOf));
const sizes = Array.from({ length: Number(count) }, () => 8192);
const set = await makeMailSet(place.dir, "quick", sizes);
const turns = { port: place.dovecot.tlsPort, rounds: Number(rounds), slow: new Set<never>(), fewer: 0 };
const measured = await takeTurns(place, [popgate, fetchmail], set, turns);
const drains: Drains = { popgate: measured.get(popgate) ?? [], fetchmail: measured.get(fetchmail) ?? [] };
await writeFile(file, JSON.stringify(drains));
