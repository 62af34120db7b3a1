/**
 * Reads base64 as RFC 4648 section 4 has it: with padding, without white space, and of each value one spelling alone.
 *
 * @returns null if it is none
 */
export function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}
