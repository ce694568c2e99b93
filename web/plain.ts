/**
 * Text that others have written (subjects, addresses, file names, replies of servers) made fit to be shown on one line:
 * what cannot be seen, or turns the direction of what stands around it, is shown as U+FFFD. Pure. (Unicode 16 §23.2;
 * UTR #36 §2.6 on bidirectional spoofing.)
 */

const unseen =
  /[\p{Cc}\p{Zl}\p{Zp}\u{ad}\u{61c}\u{180e}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{e0000}-\u{e007f}]/gu;

/** For one line. Tabs and line ends become spaces. */
export function plain(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\t\r\n]+/gu, " ")
    .replaceAll(unseen, "\u{fffd}");
}

/** For a block of source, whose line ends are kept. */
export function plainLines(text: string): string {
  return text
    .toWellFormed()
    .replaceAll("\r\n", "\n")
    .replaceAll(unseen, (one) => (one === "\n" || one === "\t" ? one : "\u{fffd}"));
}

/** At most so many characters, with a sign that there was more. */
export function cut(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}
