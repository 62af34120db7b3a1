/** What a policy names that has an id of its own in each installation. */
export interface Names {
  readonly zone: { readonly id: string; readonly issuer: string } | null;
  /** The ids of clients, by name. */
  readonly clients: ReadonlyMap<string, string>;
}

/** A comment, or a string with its escapes, of Cedar. */
const TOKEN = /\/\/[^\n]*|"(?:[^"\\]|\\[^])*"/g;
const STANDS_FOR = /^\$\{(?:client:(.+)|zone|issuer)\}$/s;

/** Changes the strings of a Cedar text, and nothing else of it. @param change `null`: it stays as it is written */
function changeStrings(
  text: string,
  change: (content: string, at: number) => string | null,
): string {
  return text.replaceAll(TOKEN, (token: string, at: number) => {
    if (!token.startsWith('"')) return token;
    const changed = change(unescape(token.slice(1, -1)), at);
    return changed === null ? token : `"${changed}"`;
  });
}

/**
 * Writes a text of the API as a zone file has it: `"${client:NAME}"` in place of the id of a client, `"${zone}"` and
 * `"${issuer}"` for those of the zone. What looks like one of these and is none is escaped.
 */
export function withNames(text: string, names: Names): string {
  return changeStrings(text, (content) => nameOf(content, names) ?? escaped(content));
}

/** The same of a text of a zone file: what it has an id for gets its name, and names stay. */
export function withNamesOnly(text: string, names: Names): string {
  return changeStrings(text, (content) => nameOf(content, names));
}

function escaped(content: string): string | null {
  return STANDS_FOR.test(content) ? `\\u{24}${quote(content.slice(1))}` : null;
}

function nameOf(content: string, { zone, clients }: Names): string | null {
  if (content === zone?.id) return '${zone}';
  if (content === zone?.issuer) return '${issuer}';
  for (const [name, id] of clients) if (id === content) return `\${client:${quote(name)}}`;
  return null;
}

/** A name in a text for which there is no id. */
export interface UnknownName {
  readonly name: string;
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Writes a text of a zone file as the API is given it.
 *
 * @returns the text, and what it names that there is not
 */
export function withIds(
  text: string,
  { zone, clients }: Names,
): { readonly text: string; readonly unknown: readonly UnknownName[] } {
  const unknown: UnknownName[] = [];
  const written = changeStrings(text, (content, at) => {
    const [all, client] = STANDS_FOR.exec(content) ?? [];
    if (all === undefined) return null;
    const id =
      client !== undefined ? clients.get(client) : all === '${zone}' ? zone?.id : zone?.issuer;
    if (id !== undefined) return quote(id);
    unknown.push({ name: client ?? all, line: text.slice(0, at).split('\n').length });
    return null;
  });
  return { text: written, unknown };
}

/** The clients that a text names. */
export function clientsIn(text: string): readonly UnknownName[] {
  return withIds(text, { zone: { id: '', issuer: '' }, clients: new Map() }).unknown;
}

/** Writes what is in quotes. */
function quote(content: string): string {
  return content.replaceAll(/["\\]/g, '\\$&');
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

/** Reads it, as Cedar does. `\u{24}` is no dollar sign here, so that it can be written where it stands for nothing. */
function unescape(content: string): string {
  return content.replaceAll(/\\([nrt0"'\\])/g, (_all, letter: string) => ESCAPES[letter] ?? letter);
}
