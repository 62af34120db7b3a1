/** The longest subject identifier, in UTF-8 bytes. */
const MAX_SUBJECT_BYTES = 512;

/**
 * Characters that no identifier may contain, by Unicode class:
 *
 * - `Cc`: C0 controls with NUL, DEL, C1 controls
 * - `Cf`: format characters: zero-width space and joiners, directional marks, embeddings, overrides
 *   and isolates, word joiner and invisible operators, soft hyphen, byte order mark, tags
 * - `Cs`: surrogates that are not part of a pair
 * - `Zl`, `Zp`: line and paragraph separator
 * - `Default_Ignorable_Code_Point`: invisible characters: fillers, variation selectors, U+034F
 * - `Noncharacter_Code_Point`: U+FDD0 to U+FDEF, and the last two of every plane
 * - U+FFFD, which is what a lossy conversion leaves of other characters
 */
const FORBIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\uFFFD]/u;

const EDGE_WHITE_SPACE = /^\p{White_Space}|\p{White_Space}$/u;

/**
 * Whether a value can name a principal in `sub` (RFC 7519 4.1.2, RFC 9068 2.2).
 *
 * An identifier is compared code point by code point, stored as text, and shown to operators. It is
 * therefore refused if it could not be stored and read back unchanged, or would look like another
 * one because of invisible characters. It is never normalised: two issuers' identifiers that
 * differ only in normalisation form are two principals, and so are look-alikes of two scripts.
 */
export function isSubjectIdentifier(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= MAX_SUBJECT_BYTES &&
    Buffer.byteLength(value, 'utf8') <= MAX_SUBJECT_BYTES &&
    !FORBIDDEN.test(value) &&
    !EDGE_WHITE_SPACE.test(value)
  );
}
