import type {
  CedarValueJson,
  StatefulAuthorizationCall,
  TypeAndId,
} from '@cedar-policy/cedar-wasm/nodejs';

import {
  isFields,
  isKnown,
  isWellFormed,
  MAX_DEPTH,
  type Fields,
  type PolicyInput,
} from './input.js';

/** A Cedar request without the policies. */
export type CedarRequest = Omit<StatefulAuthorizationCall, 'preparsedPolicySetId'>;

/** Thrown for an input that Cedar cannot represent without changing its meaning. */
export class UnrepresentableInput extends Error {
  override readonly name = 'UnrepresentableInput';
}

/**
 * The member names that Cedar's JSON reserves: `__entity` and `__extn` spell entities and extension values, and
 * `__expr` is refused. One more underscore makes them plain keys; names that already have more get one
 * too, so that no two claims get the same name.
 */
const ESCAPE_NAME = /^__+(?:entity|extn|expr)$/;

/** Whether a member of this name is called differently in an input and in Cedar. */
export function isEscapedName(name: string): boolean {
  return ESCAPE_NAME.test(name);
}

/**
 * Converts an input to a Cedar request: `principal` is `Application::"<id>"` or `User::"<id>"`, `resource`
 * is `Resource::"<identifier>"` (which policies are written with; the row id is an attribute), `action`
 * is `Action::"TokenExchange"` or `Action::"Introspect"`, and session and delegation edge are members of `context`.
 *
 * @throws {UnrepresentableInput} before the engine would throw: each throw out of the engine costs it part of its
 *   stack (see engine.ts), and callers choose claims
 */
export function toCedarRequest(input: PolicyInput): CedarRequest {
  return cedarConverter()(input);
}

/** What is made of the principal of an input. */
interface CedarPrincipal {
  readonly uid: TypeAndId;
  readonly entities: CedarRequest['entities'];
}

/**
 * Converts the inputs of one request, one after the other, each as {@link toCedarRequest} does. The principal and the
 * context that an input shares with the one before, as the same objects, are converted once.
 */
export function cedarConverter(): (input: PolicyInput) => CedarRequest {
  let last:
    { input: PolicyInput; who: CedarPrincipal; context: CedarRequest['context'] } | undefined;
  return (input) => {
    if (!isKnown(input)) throw new UnrepresentableInput('unknown principal type or action');
    const who =
      last?.input.principal === input.principal ? last.who : toCedarPrincipal(input.principal);
    const context =
      last !== undefined && sharesContext(input, last.input) ? last.context : toCedarContext(input);
    last = { input, who, context };
    const { id, identifier, scopes, revocation } = input.resource;
    const resource = uid('Resource', identifier);
    const attrs = toCedarRecord({ id, identifier, scopes, revocation }, 0);
    return {
      principal: who.uid,
      action: uid('Action', input.action.id),
      resource,
      entities: [...who.entities, { uid: resource, attrs, parents: [] }],
      context,
    };
  };
}

function toCedarPrincipal({ type, ...attributes }: PolicyInput['principal']): CedarPrincipal {
  const principal = uid(type, attributes.id);
  const groups = [...new Set(attributes.groups)].map((group) => uid('Group', group));
  return {
    uid: principal,
    entities: [
      { uid: principal, attrs: toCedarRecord(attributes, 0), parents: groups },
      ...groups.map((group) => ({ uid: group, attrs: {}, parents: [] })),
    ],
  };
}

function toCedarContext({ context, session, delegation_edge }: PolicyInput) {
  return toCedarRecord({ ...context, session, delegation_edge }, 0);
}

function sharesContext(one: PolicyInput, other: PolicyInput): boolean {
  return (
    one.context === other.context &&
    one.session === other.session &&
    one.delegation_edge === other.delegation_edge
  );
}

/** The entities that a request with this input would name, for finding the policies that can match it. */
export function uidsOf({
  principal,
  resource,
}: Pick<PolicyInput, 'principal' | 'resource'>): Pick<CedarRequest, 'principal' | 'resource'> {
  return {
    principal: { type: principal.type, id: principal.id },
    resource: { type: 'Resource', id: resource.identifier },
  };
}

function uid(type: string, id: string): TypeAndId {
  return { type, id: wellFormed(id) };
}

function toCedarRecord(fields: Fields, depth: number): Record<string, CedarValueJson> {
  const entries: [string, CedarValueJson][] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    const key = ESCAPE_NAME.test(name) ? `_${name}` : wellFormed(name);
    entries.push([key, toCedarValue(value, depth + 1)]);
  }
  // Not by assignment: a claim may be called `__proto__`.
  return Object.fromEntries(entries);
}

/**
 * Converts a JSON value. Arrays become sets, so order and repetition are lost. Cedar has no null: a null
 * member is absent, which is what `has` is for. It has no floats either, and JavaScript reads long integers inexactly:
 * what is not a safe integer becomes a string, so that comparing it as a number is an evaluation error,
 * which denies, instead of a comparison with some other number.
 */
function toCedarValue(value: unknown, depth: number): CedarValueJson {
  if (depth > MAX_DEPTH) throw new UnrepresentableInput(`nested beyond ${MAX_DEPTH} levels`);
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : String(value);
  if (Array.isArray(value)) {
    return value
      .filter((member) => member !== null && member !== undefined)
      .map((member) => toCedarValue(member, depth + 1));
  }
  if (isFields(value)) return toCedarRecord(value, depth);
  throw new UnrepresentableInput(`a ${typeof value} is not JSON`);
}

function wellFormed(text: string): string {
  if (!isWellFormed(text)) throw new UnrepresentableInput('not a well-formed Unicode string');
  return text;
}
