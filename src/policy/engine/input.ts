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

/** The members of a JSON object. */
export type Fields = Record<string, unknown>;

/**
 * The most bytes of an input as JSON. A policy may compare the input with itself as often as its text has
 * room for.
 */
export const MAX_INPUT_BYTES = 32 * 1024;

const PRINCIPAL_TYPES: ReadonlySet<string> = new Set(['Application', 'User']);
const ACTIONS: ReadonlySet<string> = new Set(['TokenExchange', 'Introspect']);

/** The most levels of nesting. Cedar's JSON reader throws between 120 and 126 levels, which is costly (see engine.ts). */
export const MAX_DEPTH = 32;

/** Whether principal and action of an input are of a kind that policies know. */
export function isKnown({ principal, action }: PolicyInput): boolean {
  return PRINCIPAL_TYPES.has(principal.type) && ACTIONS.has(action.id);
}

/**
 * Whether `toCedarRequest` takes an input in, which costs a fraction of doing it. (It may refuse one that has a
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

/** Whether a value has members. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** Whether a string holds no lone surrogate, which becomes U+FFFD (two strings one) or makes the engine throw. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
