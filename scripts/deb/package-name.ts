/** How the Debian package of a version is called, and which one in a folder was made of this checkout. */

export function packageName(version: string, architecture: string): string {
  return `popgate_${version}-1_${architecture}.deb`;
}

/** Older packages may lie beside it. Throws with what to do when it is not there. */
export function shippedName(names: readonly string[], version: string, architecture: string): string {
  const name = packageName(version, architecture);
  if (names.includes(name)) return name;
  const others = names.filter((other) => other.endsWith(".deb"));
  throw new Error(
    `there is no ${name}, ${others.length === 0 ? "nor any other" : `but ${others.join(", ")}`}: run make deb`,
  );
}
