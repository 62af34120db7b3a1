import { createHash, randomBytes } from 'node:crypto';

/** How many codes a person gets. */
export const RECOVERY_CODES = 10;

/** Base32 without letters that are taken for digits (Crockford): people copy these from paper. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Characters of a code: 80 bits, which nobody finds by hashing. */
const LENGTH = 16;

/** Draws new codes, as people read them: four groups of four. */
export function newRecoveryCodes(): readonly string[] {
  return Array.from({ length: RECOVERY_CODES }, () => {
    const text = Array.from(randomBytes(LENGTH), (byte) => ALPHABET[byte % 32]).join('');
    return text.replace(/(.{4})(?=.)/g, '$1-');
  });
}

/**
 * What is stored of a code. It is random, so one round of hashing does.
 *
 * @param code as it was typed: in any case, with or without hyphens and spaces, O for 0 and I or L for 1
 * @returns `null` for what is no code
 */
export function recoveryDigest(code: string): Buffer | null {
  const text = code.replace(/[\s-]/g, '').toUpperCase().replace(/O/g, '0').replace(/[IL]/g, '1');
  if (!/^[0-9A-HJKMNP-TV-Z]{16}$/.test(text)) return null;
  return createHash('sha256').update(`mandate recovery code ${text}`).digest();
}
