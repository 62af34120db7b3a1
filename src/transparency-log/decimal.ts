/** Reads a size or a place as C2SP writes them: decimal, without leading zeroes. Null if it is none, or too large. */
export function fromDecimal(text: string): number | null {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
