import type {
  CedarValueJson,
  StatefulAuthorizationCall,
  TypeAndId,
} from '@cedar-policy/cedar-wasm/nodejs';

/** A JSON value, such as a claim. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** A JSON object, such as a claim set. */
export interface JsonObject {
  [name: string]: JsonValue;
}

/** The input of a decision: what an exchange evaluates and a simulation replays. */
export interface PolicyInput {
  schema_version: string | number;
  principal: {
    type: 'Application' | 'User';
    id: string;
    zone_id: string;
    registration_method?: string;
    agent_session_id?: string;
    lifecycle?: string;
    labels?: string[];
    /** The groups that it is in: `principal in Group::"…"`. */
    groups?: string[];
  };
  resource: {
    type: 'Resource';
    id: string;
    identifier: string;
    scopes: string[];
    /** How its verifiers learn that a mandate was taken back. */
    revocation?: string;
  };
  action: { id: 'TokenExchange' | 'Introspect' };
  session?: { id: string };
  delegation_edge?: {
    id: string;
    source_session_id: string;
    target_session_id: string;
    issuer_application_id: string;
    receiver_application_id: string;
    resource_id?: string;
    scopes: string[];
    path: string[];
    graph_epoch: number;
    constraints_json?: JsonValue;
  };
  context: {
    actor_claims: JsonObject;
    subject_claims?: JsonObject;
    requested_scopes: string[];
    challenge_resolved: boolean;
    /** The upstream call of a gateway; only there if the gateway signed it. */
    request_method?: string;
    request_path?: string;
    /** The requested lifetime, if any. */
    requested_ttl_seconds?: number;
    /** The authorization details that would be granted (RFC 9396); absent without any. */
    authorization_details?: DetailsInput;
    /** When the request is decided, in UTC. */
    time?: DecisionTime;
    trace_id?: string;
    session_id?: string;
    agent_session_id?: string;
    delegation_edge_id?: string;
  };
}

/** The authorization details for one resource, all of a type together: Cedar cannot walk through a list. */
export interface DetailsInput {
  count: number;
  types: string[];
  /** The lists of RFC 9396 2.2, those of all details together. */
  locations: string[];
  actions: string[];
  datatypes: string[];
  privileges: string[];
  /** By type and member: texts as a list, numbers as `lowest` and `highest`. */
  by_type: JsonObject;
}

/** The time of a decision as attributes; in UTC, since a zone has no time zone. */
export interface DecisionTime {
  /** Seconds since the epoch. */
  epoch: number;
  /** 0 to 23. */
  hour: number;
  /** 0 to 59. */
  minute: number;
  /** 1 (Monday) to 7 (Sunday), as in ISO 8601. */
  weekday: number;
}

/** A Cedar request without the policies. */
export type CedarRequest = Omit<StatefulAuthorizationCall, 'preparsedPolicySetId'>;

/** Thrown for an input that Cedar cannot represent without changing its meaning. */
export class UnrepresentableInput extends Error {
  override readonly name = 'UnrepresentableInput';
}

type Fields = Record<string, unknown>;

/**
 * The most bytes of an input as JSON. A policy may compare the input with itself as often as its text has
 * room for.
 */
export const MAX_INPUT_BYTES = 32 * 1024;

const PRINCIPAL_TYPES: ReadonlySet<string> = new Set(['Application', 'User']);
const ACTIONS: ReadonlySet<string> = new Set(['TokenExchange', 'Introspect']);

/** The most levels of nesting. Cedar's JSON reader throws between 120 and 126 levels, which is costly (see engine.ts). */
export const MAX_DEPTH = 32;

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

/** Whether principal and action of an input are of a kind that policies know. */
export function isKnown({ principal, action }: PolicyInput): boolean {
  return PRINCIPAL_TYPES.has(principal.type) && ACTIONS.has(action.id);
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

/**
 * Whether {@link toCedarRequest} takes an input in, which costs a fraction of doing it. (It may refuse one that has a
 * `session` in its context, too, where Cedar does not see it.)
 */
export function isRepresentable(input: PolicyInput): boolean {
  const { principal, resource, context, session, delegation_edge } = input;
  return (
    isKnown(input) &&
    [principal, resource, context].every((record) => isRepresentableAt(record, 0)) &&
    [session, delegation_edge].every((member) => isRepresentableAt(member ?? {}, 1))
  );
}

function isRepresentableAt(value: unknown, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  if (typeof value === 'string') return isWellFormed(value);
  if (typeof value === 'boolean' || typeof value === 'number') return true;
  if (!isFields(value)) return false;
  for (const name of Object.keys(value)) {
    const member = value[name];
    if (member === undefined || member === null) continue;
    if (!isWellFormed(name) || !isRepresentableAt(member, depth + 1)) return false;
  }
  return true;
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

/** Whether a value has members. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** Whether a string holds no lone surrogate, which becomes U+FFFD (two strings one) or makes the engine throw. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function wellFormed(text: string): string {
  if (!isWellFormed(text)) throw new UnrepresentableInput('not a well-formed Unicode string');
  return text;
}
