/**
 * The languages that pages for people have texts in, as BCP 47 tags (RFC 5646). The first is that of pages on which nothing
 * says otherwise.
 */
export const LANGUAGES = ['en', 'de', 'es', 'fr'] as const;

/** See {@link LANGUAGES}. */
export type Language = (typeof LANGUAGES)[number];

/** The languages of zones that have not said any. */
export const DEFAULT_LANGUAGES: readonly [Language] = [LANGUAGES[0]];

/** The most characters of a tag: more than any that is registered has. */
const MAX_TAG = 100;

/**
 * Reads a tag as others write it: in any case, and under names that mean the same (RFC 5646 4.5).
 *
 * @returns `null` for what is no tag, and for languages without texts
 */
export function languageOf(tag: unknown): Language | null {
  if (typeof tag !== 'string' || tag.length > MAX_TAG) return null;
  const canonical = canonicalTag(tag);
  return LANGUAGES.find((language) => language === canonical) ?? null;
}

/**
 * The languages of a zone, the one that it prefers first.
 *
 * @param stored those that it was given; `null` if it was given none. Another version may have had texts in more of them:
 *   these are passed over
 * @returns at least one
 */
export function languagesOf(stored: readonly string[] | null): readonly Language[] {
  const known = (stored ?? []).flatMap((tag) => languageOf(tag) ?? []);
  return known.length === 0 ? DEFAULT_LANGUAGES : [...new Set(known)];
}

function canonicalTag(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null;
  } catch {
    return null;
  }
}
