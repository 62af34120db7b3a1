import { MAX_INPUT_BYTES, type PolicyInput } from './input.js';
import { inputBytes } from './input-text.js';

/** Whom and what an input is about. */
export interface Parties {
  readonly principal: Pick<PolicyInput['principal'], 'type' | 'id'>;
  /** The identifier of the resource. */
  readonly resource: string;
}

/** The members of an input that may be long. They share {@link MAX_INPUT_BYTES}: where one is long, others are short. */
const LONG = [
  'scopes',
  'requested_scopes',
  'labels',
  'subject_claims',
  'request_path',
  'authorization_details',
] as const;

type Long = (typeof LONG)[number];

/** Bytes that an input has without its long members. */
const SHORT_BYTES = 2_000;

/**
 * Inputs as large as one may be: one for each member that may be long, in which that is as long as it can be, and one in
 * which all are equally long. Whatever a policy may ask for is there, so that no condition ends early for want of it; what
 * an issuer says beyond the schema is not.
 */
export function largestInputs(parties: Parties): PolicyInput[] {
  const room = MAX_INPUT_BYTES - SHORT_BYTES - inputBytes(inputOf(parties, {}));
  const evenly = Object.fromEntries(LONG.map((member) => [member, room / LONG.length]));
  return [...LONG.map((member) => inputOf(parties, { [member]: room })), inputOf(parties, evenly)];
}

/**
 * An input that has every member, except what a zone confines its delegations by: a new member that is forgotten here
 * does not compile.
 */
type FullInput = Required<PolicyInput> & {
  readonly principal: Required<PolicyInput['principal']>;
  readonly resource: Required<PolicyInput['resource']>;
  readonly delegation_edge: Required<Omit<Edge, 'constraints_json'>>;
  readonly context: Required<PolicyInput['context']>;
};
type Edge = NonNullable<PolicyInput['delegation_edge']>;

function inputOf(
  { principal, resource }: Parties,
  bytes: Readonly<Partial<Record<Long, number>>>,
): FullInput {
  const id = '00000000-0000-7000-8000-000000000000';
  const scopes = strings(bytes.scopes);
  return {
    schema_version: '1',
    principal: {
      ...principal,
      zone_id: id,
      registration_method: 'manual',
      agent_session_id: id,
      lifecycle: 'task',
      labels: strings(bytes.labels),
      groups: ['group'],
    },
    resource: { type: 'Resource', id, identifier: resource, scopes, revocation: 'status_list' },
    action: { id: 'TokenExchange' },
    session: { id },
    delegation_edge: {
      id,
      source_session_id: id,
      target_session_id: id,
      issuer_application_id: id,
      receiver_application_id: id,
      resource_id: id,
      scopes: [],
      path: [id],
      graph_epoch: 1,
    },
    context: {
      actor_claims: { client_id: id },
      subject_claims: { sub: id, client_id: id, labels: strings(bytes.subject_claims) },
      requested_scopes: strings(bytes.requested_scopes),
      challenge_resolved: false,
      request_method: 'GET',
      request_path: `/${'x'.repeat(Math.max(0, Math.floor(bytes.request_path ?? 0)))}`,
      requested_ttl_seconds: 60,
      authorization_details: {
        count: 1,
        types: ['t'],
        locations: [],
        actions: strings(bytes.authorization_details),
        datatypes: [],
        privileges: [],
        by_type: {},
      },
      time: { epoch: 1, hour: 1, minute: 1, weekday: 1 },
      trace_id: id,
      session_id: id,
      agent_session_id: id,
      delegation_edge_id: id,
    },
  };
}

/** So many bytes of strings, as JSON, that differ only at their end, so that to compare them takes long. */
function strings(bytes = 0): string[] {
  const common = 's'.repeat(90);
  const each = common.length + 9;
  return Array.from(
    { length: Math.floor(bytes / each) },
    (_, n) => `${common}${String(n).padStart(5, '0')}`,
  );
}
