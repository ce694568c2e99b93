/**
 * Keeps secrets out of what is written to the log: the second line of defence, since no event is made to hold one. But
 * events carry servers' words, and servers have been seen to repeat a command with its password.
 *
 * Guarantees, for every registered value of at least `shortest` octets: it does not appear as it is, JSON- or
 * URL-escaped, nor anywhere inside base64 text (AUTH PLAIN, RFC 4616, puts it behind two NULs and a user name; AUTH LOGIN
 * sends it alone), whichever of the three alignments it falls on. The base64 word is taken out whole.
 * Shorter values are let through: to take out every "a" would leave no log.
 */

const shortest = 4;
/** Access tokens change every hour: the oldest values are forgotten, or a year's run would remember them all. */
const mostValues = 200;

const instead = "[secret]";
const base64Words = /[A-Za-z0-9+/_-]{4,}={0,2}/gu;

interface Forms {
  readonly plain: readonly string[];
  readonly base64: readonly string[];
}

export class Redaction {
  readonly #forms = new Map<string, Forms>();
  /** Of all values, the longest first: a shorter one may be part of a longer one. */
  #plain: readonly string[] = [];

  register(value: string): void {
    if (Buffer.byteLength(value) < shortest) return;
    // Set anew, to be the youngest.
    this.#forms.delete(value);
    this.#forms.set(value, formsOf(value));
    const oldest = this.#forms.keys().next();
    if (this.#forms.size > mostValues && oldest.done !== true) this.#forms.delete(oldest.value);
    const plain = new Set([...this.#forms.values()].flatMap((forms) => forms.plain));
    this.#plain = [...plain].toSorted((a, b) => b.length - a.length);
  }

  clean(text: string): string {
    if (this.#forms.size === 0) return text;
    let result = text;
    for (const form of this.#plain) result = result.replaceAll(form, instead);
    return result.replace(base64Words, (word) => (this.#hides(word) ? instead : word));
  }

  #hides(word: string): boolean {
    const usual = word.replaceAll("-", "+").replaceAll("_", "/");
    for (const { base64 } of this.#forms.values()) {
      if (base64.some((core) => usual.includes(core))) return true;
    }
    return false;
  }
}

function formsOf(value: string): Forms {
  const shown = value.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  return {
    plain: [...new Set([value, shown, JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())])],
    base64: [0, 1, 2].map((offset) => base64Core(value, offset)),
  };
}

/** The digits that stand in base64 text for `value` behind `offset` other octets, without those shared with neighbours. */
function base64Core(value: string, offset: number): string {
  const octets = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
  const first = Math.ceil((offset * 8) / 6);
  const end = Math.floor((octets.length * 8) / 6);
  return octets.toString("base64").slice(first, end);
}
