/** What operators call the things in a held request. No word of it is the application's own. */
export interface RequestWords {
  /** `null` if it was not said. */
  readonly organisation: string | null;
  /** The path of its logo; `null` if it has none. */
  readonly logo: string | null;
  /** By id. */
  readonly clients: ReadonlyMap<string, ClientWords>;
  /** By identifier. */
  readonly resources: ReadonlyMap<string, ResourceWords>;
  /** What scopes allow in the whole zone, by scope, where a resource has no words of its own. */
  readonly scopes: ReadonlyMap<string, string>;
}

/** What a client is called. */
export interface ClientWords {
  readonly name: string;
  readonly description: string | null;
}

/** What a resource is called, and what its scopes allow. */
export interface ResourceWords {
  readonly name: string | null;
  readonly description: string | null;
  readonly scopes: readonly { readonly scope: string; readonly description: string }[];
}

/** What a scope allows, in words. */
export interface ScopeWords {
  readonly text: string;
  /** The resource that it is said of, where the resources of the request do not say the same. */
  readonly of: string | null;
}

/**
 * What a scope allows at the resources of a request. Resources may have other words for one scope; then all are told, and so
 * is a resource that has none, since the scope is good there as well. What is said of the scope in the whole zone is said of
 * resources without words of their own.
 *
 * @returns none where nothing has words for it
 */
export function wordsOfScope(
  { resources, scopes }: RequestWords,
  identifiers: readonly string[],
  scope: string,
): readonly ScopeWords[] {
  const said = identifiers.map((identifier) => {
    const words = resources.get(identifier);
    const own = words?.scopes.find((one) => one.scope === scope)?.description;
    const text = own ?? scopes.get(scope) ?? null;
    return { text, of: words?.name ?? identifier };
  });
  if (said.every(({ text }) => text === null)) return [];
  const [first] = said;
  if (first !== undefined && said.every(({ text }) => text === first.text)) {
    return [{ text: first.text ?? scope, of: null }];
  }
  return said.map(({ text, of }) => ({ text: text ?? scope, of }));
}
