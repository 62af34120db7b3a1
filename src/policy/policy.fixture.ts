import { type CompiledPolicySet, compile } from './engine/compile.js';
import type { DetailsInput, JsonObject, PolicyInput } from './engine/input.js';

/** The members of an input that a test sets. */
type Knobs = Partial<Omit<PolicyInput, 'principal' | 'resource' | 'context'>> & {
  principal?: Partial<PolicyInput['principal']>;
  resource?: Partial<PolicyInput['resource']>;
  context?: Partial<PolicyInput['context']>;
};

/** An input as an exchange makes it, with some members set. */
export function input({ principal, resource, context, ...rest }: Knobs = {}): PolicyInput {
  return {
    schema_version: '1',
    principal: { type: 'Application', id: 'app-1', zone_id: 'zone-1', ...principal },
    resource: {
      type: 'Resource',
      id: 'res-1',
      identifier: 'https://api.example.com',
      scopes: ['read', 'write'],
      ...resource,
    },
    action: { id: 'TokenExchange' },
    context: {
      actor_claims: { sub: 'app-1' },
      requested_scopes: ['read'],
      challenge_resolved: false,
      ...context,
    },
    ...rest,
  };
}

/** A delegation as an input has it, without what it is confined by. */
export const EDGE = {
  id: 'e',
  source_session_id: 'a',
  target_session_id: 'b',
  issuer_application_id: 'i',
  receiver_application_id: 'r',
  scopes: ['read'],
  path: ['a', 'b'],
  graph_epoch: 3,
};

/** An input with everything in it: a new member that is missing here does not compile. */
export const FULL_INPUT: Required<PolicyInput> = {
  schema_version: '1',
  principal: {
    type: 'Application',
    id: 'app-1',
    zone_id: 'zone-1',
    registration_method: 'manual',
    agent_session_id: 'agent-1',
    lifecycle: 'ephemeral',
    labels: ['blue'],
    groups: ['payments'],
  } satisfies Required<PolicyInput['principal']>,
  resource: {
    type: 'Resource',
    id: 'r',
    identifier: 'https://a',
    scopes: ['read'],
    revocation: 'status_list',
  } satisfies Required<PolicyInput['resource']>,
  action: { id: 'TokenExchange' },
  session: { id: 's' },
  delegation_edge: {
    ...EDGE,
    resource_id: 'r',
    constraints_json: {},
  } satisfies Required<NonNullable<PolicyInput['delegation_edge']>>,
  context: {
    actor_claims: { client_id: 'app-1', act: { sub: 'a', sub_type: 'application', act: {} } },
    subject_claims: {
      sub: 'u',
      sub_type: 'user',
      client_id: 'app-1',
      use: 'session',
      scope: 'read write',
      target: ['https://a'],
      sid: 's',
      root_sid: 's',
      iat: 1,
      exp: 2,
    },
    requested_scopes: ['read'],
    challenge_resolved: false,
    request_method: 'GET',
    request_path: '/orders/7',
    requested_ttl_seconds: 60,
    authorization_details: {
      count: 1,
      types: ['payment'],
      locations: ['https://a'],
      actions: ['send'],
      datatypes: ['x'],
      privileges: ['y'],
      by_type: {},
    } satisfies Required<DetailsInput>,
    time: { epoch: 1_800_000_000, hour: 8, minute: 0, weekday: 5 },
    trace_id: 't',
    session_id: 's',
    agent_session_id: 'agent-1',
    delegation_edge_id: 'e',
  } satisfies Required<PolicyInput['context']>,
};

/** A compiled set of one module per text, called m0, m1, and so on. */
export function set(...contents: string[]): CompiledPolicySet {
  return compile(contents.map((content, n) => ({ id: `m${n}`, content })));
}

/** An object nested in an object, so many levels deep. */
export function nested(levels: number): JsonObject {
  let object: JsonObject = {};
  for (let n = 0; n < levels; n += 1) object = { a: object };
  return object;
}
