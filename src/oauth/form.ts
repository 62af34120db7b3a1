/** Thrown for a body that is not a well-formed form; the message is a stable word for the log. */
export class MalformedForm extends Error {
  override readonly name = 'MalformedForm';
}

const MAX_PARAMETERS = 100;

/** The parameters of a form by name, each with its values in order. Empty values are left out. */
export type Form = ReadonlyMap<string, readonly string[]>;

/**
 * Parses `application/x-www-form-urlencoded` strictly (RFC 6749 appendix B). Where a lenient parser
 * guesses, two programs may guess differently, so anything malformed is refused.
 *
 * An empty value counts as absent (RFC 6749 3.1), but its name still counts as given: a
 * parameter that may not be repeated is refused also if one of the repetitions is empty.
 *
 * @param body the bytes of the request body
 * @param repeatable the names of parameters that may be given more than once
 * @param opaque the names of parameters that may have any text as value, also one with NUL
 * @throws {MalformedForm} for bad percent or UTF-8 encoding, NUL, too many or repeated parameters
 */
export function parseForm(
  body: Uint8Array,
  repeatable: ReadonlySet<string>,
  opaque: ReadonlySet<string> = new Set(),
): Form {
  const form = new Map<string, string[]>();
  const seen = new Set<string>();
  const text = decodeUtf8(body);
  if (text === '') return form;
  const pairs = text.split('&');
  if (pairs.length > MAX_PARAMETERS) throw new MalformedForm('too many parameters');
  for (const pair of pairs) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = decodeComponent(at === -1 ? pair : pair.slice(0, at));
    const decode = opaque.has(name) ? decodeText : decodeComponent;
    const value = at === -1 ? '' : decode(pair.slice(at + 1));
    if (seen.has(name) && !repeatable.has(name)) throw new MalformedForm('repeated parameter');
    seen.add(name);
    if (value === '') continue;
    const values = form.get(name);
    if (values === undefined) form.set(name, [value]);
    else values.push(value);
  }
  return form;
}

/** The value of a parameter that is there at most once; `null` if it is absent or empty. */
export function single(form: Form, name: string): string | null {
  return form.get(name)?.[0] ?? null;
}

/**
 * Decodes one percent-encoded component, in which `+` is a space.
 *
 * @throws {MalformedForm} for bad percent encoding and NUL
 */
export function decodeComponent(text: string): string {
  const decoded = decodeText(text);
  if (decoded.includes('\0')) throw new MalformedForm('NUL');
  return decoded;
}

function decodeText(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  return spaced.includes('%') ? decodePercents(spaced) : spaced;
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new MalformedForm('bad percent encoding');
  }
}

function decodeUtf8(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new MalformedForm('bad UTF-8');
  }
}
