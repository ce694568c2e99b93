/** Addresses as a person types them into a field. Pure; the server has the last word on what an address is. */

/** One after another, without repetitions; spaces, commas, semicolons and lines between them; angle brackets are taken off. */
export function addressesOf(text: string): string[] {
  const parts = text.split(/[\s,;]+/u).map((part) => part.replace(/^<(.*)>$/u, "$1"));
  return [...new Set(parts.filter((part) => part !== ""))];
}

/** The first that can be no mail address. */
export function firstBad(addresses: readonly string[]): string | undefined {
  return addresses.find((address) => !/^[^\s@]+@[^\s@]+$/u.test(address));
}
