/** What a request says of the languages that a person wants. */
export interface Wanted {
  /** Tags with spaces between them, the preferred one first (OpenID Connect Core 3.1.2.1); `undefined` where nothing says so. */
  readonly uiLocales?: string | undefined;
  /** The header (RFC 9110 12.5.4); `undefined` where there is none. */
  readonly acceptLanguage?: string | undefined;
}

/** The most characters of either that are looked at: of longer ones nobody knows what they want. */
const MAX_LENGTH = 1_000;

/** A language range (RFC 4647 2.1), and how much it is wanted (RFC 9110 12.4.2). */
const ACCEPTED =
  /^[ \t]*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)[ \t]*(?:;[ \t]*[Qq]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$/;

/**
 * The language for a person: the first that `ui_locales` names, else the one that `Accept-Language` wants most, and else the
 * first that it does not rule out. What neither can be read as is passed over, so that anything may be sent.
 *
 * @param available at least one, the preferred one first, as BCP 47 writes them
 */
export function chooseLanguage<Tag extends string>(
  { uiLocales, acceptLanguage }: Wanted,
  available: readonly Tag[],
): Tag {
  const named = lookUp(short(uiLocales).split(' '), available);
  if (named !== null) return named;
  const accepted = short(acceptLanguage).split(',').flatMap(rangeIn);
  const refused = new Set(accepted.filter(({ weight }) => weight === 0).map(({ range }) => range));
  const left = available.filter((tag) => !refused.has(tag.toLowerCase()));
  const wanted = accepted
    .filter(({ weight }) => weight > 0)
    .toSorted((one, other) => other.weight - one.weight)
    .map(({ range }) => range);
  const [first] = available;
  if (first === undefined) throw new Error('there is no language to choose');
  return lookUp(wanted, left) ?? left[0] ?? first;
}

/** Looks up the first range that there is something for: each is made shorter until there is (RFC 4647 3.4). */
function lookUp<Tag extends string>(
  ranges: readonly string[],
  available: readonly Tag[],
): Tag | null {
  for (const range of ranges) {
    const parts = range.toLowerCase().split('-');
    while (parts.length > 0) {
      const found = available.find((tag) => tag.toLowerCase() === parts.join('-'));
      if (found !== undefined) return found;
      parts.pop();
      // A letter alone begins what would be left behind.
      if (parts.at(-1)?.length === 1) parts.pop();
    }
  }
  return null;
}

function rangeIn(text: string): readonly { readonly range: string; readonly weight: number }[] {
  const [, range, weight = '1'] = ACCEPTED.exec(text) ?? [];
  return range === undefined ? [] : [{ range: range.toLowerCase(), weight: Number(weight) }];
}

function short(text = ''): string {
  return text.length > MAX_LENGTH ? '' : text;
}
