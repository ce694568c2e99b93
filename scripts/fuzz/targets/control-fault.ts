/**
 * Not of the program: a reader with a fault that only a certain input shows, three comparisons and a loop away. Whether
 * fuzzing finds it shows whether fuzzing finds anything (`spec/fuzz`).
 */
import { hold, type Target } from "../target.ts";

function read(text: string): number {
  let depth = 0;
  if (!text.startsWith("open")) return 0;
  for (const character of text.slice(4)) {
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === ";" && depth === 3) return Number.NaN;
  }
  return depth;
}

export const target: Target = {
  name: "control-fault",
  maxOctets: 100,
  dictionary: [],
  seeds: [Buffer.from("nothing")],
  work: { perOctet: 10, fixed: 100 },
  run: (input) => hold(!Number.isNaN(read(input.toString("latin1"))), "the planted fault"),
};
