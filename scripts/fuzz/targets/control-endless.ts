/** Not of the program: an input that never ends, in a regular expression, where nothing counts. It has to be told (`spec/fuzz`). */
import type { Target } from "../target.ts";

const slow = /^(?:a+)+$/u;

export const target: Target = {
  name: "control-endless",
  maxOctets: 200,
  dictionary: ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"],
  seeds: [Buffer.from("aaa")],
  work: { perOctet: 20, fixed: 200 },
  run: (input) => void slow.test(input.toString("latin1")),
};
