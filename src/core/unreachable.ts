/** Ends a switch over a union: the compiler refuses the call when a variant was left out. */
export function unreachable(value: never): never {
  throw new TypeError(`unhandled variant: ${JSON.stringify(value)}`);
}
