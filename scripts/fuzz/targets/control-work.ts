/** Not of the program: work that grows with the square of the length. The bound on work has to tell (`spec/fuzz`). */
import type { Target } from "../target.ts";

let pairs = 0;

function run(input: Buffer): void {
  for (const first of input) for (const second of input) if (first === second) pairs++;
}

export const target: Target = {
  name: "control-work",
  maxOctets: 400,
  dictionary: [],
  seeds: [Buffer.from("ab")],
  work: { perOctet: 20, fixed: 200 },
  run,
};
