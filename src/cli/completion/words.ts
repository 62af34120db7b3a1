/**
 * Splits a command line into words as a shell does, for as far as it was typed: quotes and backslashes are taken away,
 * also quotes that are still open.
 *
 * @returns all words but the last, and the last, which is empty after a blank
 */
export function splitLine(line: string): {
  readonly before: readonly string[];
  readonly current: string;
} {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let i = 0; i < line.length; i += 1) {
    const character = line.charAt(i);
    if (quote !== null && character === quote) quote = null;
    else if (quote === null && (character === '"' || character === "'")) {
      quote = character;
      word ??= '';
    } else if (character === '\\' && quote !== "'") {
      i += 1;
      word = (word ?? '') + line.charAt(i);
    } else if (quote === null && /\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + character;
  }
  return { before: words, current: word ?? '' };
}
