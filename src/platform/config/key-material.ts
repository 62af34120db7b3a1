/**
 * Decodes a secret key given as hex or base64.
 *
 * @param bytes the length that the key must have
 * @returns the bytes, or `null` if the text is neither or has another length
 */
export function decodeKey(text: string, bytes: number): Buffer | null {
  if (/^[0-9a-fA-F]+$/.test(text) && text.length === bytes * 2) return Buffer.from(text, 'hex');
  if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) {
    const decoded = Buffer.from(text, 'base64');
    if (decoded.length === bytes) return decoded;
  }
  return null;
}

/**
 * Whether a key looks typed rather than random: few distinct bytes, a repeated pattern, a counting
 * run, or only printable characters.
 */
export function looksWeak(key: Buffer): boolean {
  if (new Set(key).size <= key.length / 2) return true;
  const steps = new Set(
    Array.from(key.subarray(1), (byte, i) => (byte - (key[i] ?? 0) + 256) % 256),
  );
  if (steps.size <= 2) return true;
  return key.every((byte) => byte >= 0x20 && byte < 0x7f);
}
