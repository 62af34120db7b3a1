/**
 * Characters that are not seen, or that change how others are seen: controls, line ends, bidirectional controls, what has
 * no width, what has no meaning yet, and spaces that are none of the keyboard's.
 */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;
/** More marks on one letter than any language puts there, which would cover what stands above and below. */
const PILED = /(\p{M}{4})\p{M}+/gu;
/** Spaces that a page would leave out. */
const LOST_SPACES = /^ +| {2,}| +$/g;

/** Where the letters are that are written from right to left, and what belongs to them. */
const RIGHT_TO_LEFT =
  /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFF\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** The most characters of a value in a sentence. */
const MAX_SHOWN = 120;

/**
 * A text of a caller as a person can judge it: nothing in it is invisible, or turns others around. What would
 * is written as its number, such as `⟨U+202E⟩`.
 */
export function visibleText(text: string): string {
  return text
    .replace(PILED, '$1⟨marks⟩')
    .replace(UNSEEN, (character) => {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
      return `⟨U+${code.padStart(4, '0')}⟩`;
    })
    .replace(LOST_SPACES, (spaces) => '␣'.repeat(spaces.length));
}

/** The same, cut where it is long: then it says how much is not shown. */
export function shortVisibleText(text: string): string {
  const characters = Array.from(text);
  if (characters.length <= MAX_SHOWN) return visibleText(text);
  const more = characters.length - MAX_SHOWN;
  return `${visibleText(characters.slice(0, MAX_SHOWN).join(''))}… (${more} more characters)`;
}

/**
 * A text that is shown already as it can be judged, so that it can stand within another: letters from right to left in it do
 * not draw numbers and quotation marks that stand around it to their other side (Unicode UAX 9 2.4).
 */
export function isolated(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}
