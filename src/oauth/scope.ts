/** `scope-token` (RFC 6749 3.3): printable ASCII without space, `"` and `\`. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Whether a text is one scope token. */
export function isScopeToken(text: string): boolean {
  return SCOPE_TOKEN.test(text);
}

/**
 * Parses a scope (RFC 6749 3.3): tokens separated by single spaces, order and repetition without
 * meaning.
 *
 * @returns the tokens, sorted, each once; `null` for a malformed scope
 */
export function parseScope(text: string): string[] | null {
  const tokens = text.split(' ');
  return tokens.every(isScopeToken) ? sorted(tokens) : null;
}

/** The tokens that are in every one of the sets, sorted. */
export function intersect(
  first: readonly string[],
  ...others: readonly (readonly string[])[]
): string[] {
  return sorted(first.filter((token) => others.every((other) => other.includes(token))));
}

/** Whether every token of `inner` is in `outer`. */
export function isSubset(inner: readonly string[], outer: readonly string[]): boolean {
  return inner.every((token) => outer.includes(token));
}

function sorted(tokens: readonly string[]): string[] {
  return [...new Set(tokens)].toSorted();
}
