import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';

/** What a receipt says of an event, as JSON. */
export type Statement = JsonObject;

/** Where an event is, and what was hashed of it. */
export interface StatedEvent {
  readonly id: string;
  readonly zoneId: string;
  /** Hex. */
  readonly hash: string;
  /** As it was recorded. */
  readonly event: JsonObject;
}

/**
 * The resources of a mandate that a reader may know of, and the scopes among those that it has; `null` for all of them: the
 * client that it was issued to, and whoever has it.
 */
export type Known = { readonly targets: ReadonlySet<string>; readonly scopes: ReadonlySet<string> };

/** Members of a mandate that its own claims say as well, whoever has it. */
const OF_MANDATE = [
  'jti',
  'kid',
  'use',
  'sub',
  'sub_iss',
  'iat',
  'exp',
  'sid',
  'root_sid',
  'act',
  'agent_session_id',
  'delegation_path',
];

/** Members of a token that was presented. */
const OF_TOKEN = ['sub', 'sub_iss', 'sub_type', 'jti'];

/**
 * What a receipt says of an event: what its reader may know of it, and no more. The text of an event has more than that (what
 * policies were asked, why operators did something, what is of another resource), and its hash covers all of it; so a
 * reader gets the hash, and what is said here under the signature of the log.
 */
export function statementOf(stated: StatedEvent, known: Known | null): Statement {
  const { id, zoneId, hash, event } = stated;
  const common = { event: id, zone_id: zoneId, hash, at: event['occurred_at'] ?? null };
  if (event['outcome'] === 'issued') return { ...common, type: 'issued', ...issued(event, known) };
  if (event['type'] === 'challenge.decided') {
    return { ...common, type: 'confirmation', ...confirmed(event) };
  }
  if (typeof event['revoked_jti'] === 'string') {
    return { ...common, type: 'revocation', ...revoked(event) };
  }
  if (event['type'] === 'admin.revocation.ordered') {
    const { target = null } = objectIn(event['revocation']);
    return { ...common, type: 'revocation', target, by: 'operator' };
  }
  return {
    ...common,
    type: 'change',
    ...picked(event, ['outcome', 'request_id']),
    what: event['type'] ?? null,
  };
}

function issued(event: JsonObject, known: Known | null): JsonObject {
  const mandate = objectIn(event['mandate']);
  const challenge = objectIn(event['challenge'])['id'];
  return {
    ...picked(event, ['client_id', 'grant_type']),
    ...(known === null ? {} : { partial: true }),
    mandate: {
      ...picked(mandate, OF_MANDATE),
      target: among(mandate['target'], known?.targets),
      scope: among(mandate['scope'], known?.scopes),
    },
    policy: policyOf(objectIn(event['policy']), known),
    ...authorityOf(event),
    ...(challenge === undefined ? {} : { challenge_id: challenge }),
  };
}

/** By which policies, of which version of the set: their names, and nothing of what they say. */
function policyOf(policy: JsonObject, known: Known | null): JsonObject {
  const decisions = listIn(policy['decisions'])
    .map(objectIn)
    .filter(({ resource }) => known === null || isAmong(resource, known.targets));
  return {
    ...picked(policy, ['policy_set_version_id', 'manifest_sha256']),
    decisions: decisions.map((decision) => ({
      ...picked(decision, ['resource', 'decision']),
      policies: listIn(decision['determining_policies']).map(
        (one) => objectIn(one)['policy'] ?? null,
      ),
    })),
  };
}

/** On whose token it was issued: a mandate by its `jti`, or a user by the issuer. */
function authorityOf(event: JsonObject): JsonObject {
  const [subject, actor] = [objectIn(event['subject']), objectIn(event['actor'])];
  return {
    ...(event['subject'] === undefined ? {} : { subject_token: picked(subject, OF_TOKEN) }),
    ...(event['actor'] === undefined ? {} : { actor_token: picked(actor, OF_TOKEN) }),
  };
}

/** Who confirmed: a person by name; of an operator, that it was one. */
function confirmed(event: JsonObject): JsonObject {
  const { id, type } = objectIn(event['challenge']);
  const by = event['decided_by'];
  return {
    challenge_id: id ?? null,
    ...(type === undefined ? {} : { challenge_type: type }),
    ...(event['person'] === undefined
      ? { by: typeof by === 'string' && by.startsWith('operator:') ? 'operator' : 'link' }
      : { person: picked(objectIn(event['person']), ['sub', 'iss']) }),
    ...picked(event, ['method', 'decision', 'settled', 'approvals', 'quorum']),
  };
}

function revoked(event: JsonObject): JsonObject {
  const isOfClient = event['type'] === 'token_revocation';
  return {
    jti: event['revoked_jti'] ?? null,
    by: isOfClient ? 'client' : 'operator',
    ...(isOfClient ? picked(event, ['client_id', 'cascade']) : {}),
  };
}

function picked(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = from[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function among(value: JsonValue | undefined, known: ReadonlySet<string> | undefined): JsonValue {
  return listIn(value).filter((one) => known === undefined || isAmong(one, known));
}

function isAmong(value: JsonValue | undefined, known: ReadonlySet<string>): boolean {
  return typeof value === 'string' && known.has(value);
}

function objectIn(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function listIn(value: JsonValue | undefined): readonly JsonValue[] {
  return value !== undefined && isJsonArray(value) ? value : [];
}
