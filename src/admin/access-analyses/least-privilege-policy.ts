import { createHash } from 'node:crypto';
import type { PolicySource } from '../../policy/engine/compile.js';

/** Authority that policy is to give no more. */
export interface UnusedAccess {
  /** The client that has not used it; `null`: nobody has. */
  readonly clientId: string | null;
  /** An identifier. */
  readonly resource: string;
  /** The scopes that were not used; `null`: the resource was not. */
  readonly scopes: readonly string[] | null;
}

/** The most that one text may hold: what is written to the API is no longer (docs/policy.md), with room for more of it. */
const MAX_BYTES = 200 * 1_024;
const MAX_STATEMENTS = 1_000;

/** Policies that forbid what is not used. */
export interface LeastPrivilegePolicy {
  /** The same for the same policies, so that what is known of them, such as a replay, is known of the next advice as well. */
  readonly name: string;
  /** Cedar. */
  readonly content: string;
  readonly statements: number;
  /** How much did not fit. */
  readonly leftOut: number;
}

/**
 * Writes policies that forbid what was not used, and nothing else: each has a resource in its head, and a client where others
 * have used it, so it costs no request that it does not concern. The same is always called the same, and what is active already
 * under that name is not said again.
 *
 * @param active what is active
 * @returns `null` if nothing is to be forbidden
 */
export function leastPrivilegePolicy(
  unused: readonly UnusedAccess[],
  active: readonly PolicySource[],
): LeastPrivilegePolicy | null {
  const said = new Set(active.flatMap(({ content }) => content.match(ID) ?? []));
  const texts: string[] = [];
  let bytes = 0;
  let leftOut = 0;
  for (const each of unused) {
    const id = idOf(each);
    if (said.has(id)) continue;
    const text = statement(each, id);
    if (texts.length >= MAX_STATEMENTS || bytes + text.length * 4 > MAX_BYTES) {
      leftOut += 1;
      continue;
    }
    bytes += Buffer.byteLength(text);
    texts.push(text);
  }
  if (texts.length === 0) return null;
  const content = texts.join('\n');
  return {
    name: `least-privilege-${digest(content)}`,
    content,
    statements: texts.length,
    leftOut,
  };
}

/** What {@link idOf} makes. */
const ID = /(?<=@id\(")least-privilege:[0-9a-f]{16}(?="\))/g;

function statement({ clientId, resource, scopes }: UnusedAccess, id: string): string {
  const who = clientId === null ? 'nobody has' : 'the client has not';
  const what = scopes === null ? 'the resource' : 'these scopes';
  const principal =
    clientId === null ? 'principal' : `principal == Application::${quoted(clientId)}`;
  const when =
    scopes === null
      ? ''
      : ` when {\n  context.requested_scopes.containsAny([${scopes.map(quoted).join(', ')}])\n}`;
  return [
    `@id("${id}")`,
    `@reason("${who} used ${what}")`,
    'forbid (',
    `  ${principal},`,
    '  action == Action::"TokenExchange",',
    `  resource == Resource::${quoted(resource)}`,
    `)${when};`,
    '',
  ].join('\n');
}

function idOf({ clientId, resource, scopes }: UnusedAccess): string {
  const what = JSON.stringify([clientId, resource, scopes === null ? null : scopes.toSorted()]);
  return `least-privilege:${digest(what)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** A text of Cedar. What is no plain character is said by its number. */
function quoted(text: string): string {
  const plain = text
    .replaceAll(/["\\]/g, (character) => `\\${character}`)
    .replaceAll(
      /[^\P{C}]/gu,
      (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
    );
  return `"${plain}"`;
}
