import { LANGUAGES, languageOf, type Language } from '../../zones/languages.js';
import { malformed } from '../field-refusals.js';
import type { FieldError } from '../../platform/http/field-error.js';

/**
 * Reads the languages of a zone as a body has them.
 *
 * @returns as they are written (RFC 5646 4.5); `undefined` if they stay, `null` for none of its own
 * @throws {BadRequestException} for a language without texts, and for one that is there twice, each by its place
 */
export function readLanguages(
  asked: readonly unknown[] | null | undefined,
): Language[] | null | undefined {
  if (asked === undefined || asked === null) return asked;
  const languages: Language[] = [];
  const errors: FieldError[] = [];
  asked.forEach((tag, place) => {
    const field = `languages[${place}]`;
    const language = languageOf(tag);
    if (language === null) errors.push({ field, code: 'unknown', message: UNKNOWN });
    else if (languages.includes(language)) errors.push({ field, code: 'twice', message: TWICE });
    else languages.push(language);
  });
  if (errors.length > 0) throw malformed(errors);
  return languages;
}

const UNKNOWN = `must be one of ${LANGUAGES.join(', ')}`;
const TWICE = 'must not be there twice';
