/**
 * The Cedar schema of the policy input (input.ts): every attribute that a policy can ask for.
 *
 * Policies are validated against it, strictly, when they are written (validate.ts). Decisions do not
 * use it. Claims come from their issuers, and Cedar has no open records: a request with one claim more
 * than the schema has, or a known one of another type, would be refused whole although no policy uses
 * that claim. Without the schema it is decided by the policies that apply, and one that meets a value
 * of another type errs, which denies.
 *
 * JSON becomes Cedar as input.ts says: an array is a set (order and repetition are lost), null is absent,
 * a number that is no safe integer is a string, and nothing is ever an entity or an extension value.
 */

/** The levels of the actor chain: Cedar's types cannot contain themselves, and mandates nest no deeper. */
const ACTOR_LEVELS = 10;

const ACTORS = Array.from({ length: ACTOR_LEVELS }, (_, n) => {
  const [level, next] = [n + 1, n + 2];
  return `
type Actor${level} = {
  // Who acts here: a client, or a user.
  sub?: String,
  // The client through which it acts.
  client_id?: String,
  // "user" or "application".
  sub_type?: String,${
    next > ACTOR_LEVELS
      ? ''
      : `
  // On whose behalf: the actor before.
  act?: Actor${next},`
  }
};`;
}).join('');

const PRINCIPAL = `{
  // The id in Application::"…" or User::"…".
  id: String,
  // The zone that decides.
  zone_id: String,
  // How the client came to be registered, such as "manual".
  registration_method?: String,
  // The agent session that acts, if any.
  agent_session_id?: String,
  // What becomes of the principal, such as "ephemeral".
  lifecycle?: String,
  // What administrators call it by.
  labels?: Set<String>,
  // The names of its groups; in the head of a policy: principal in Group::"…".
  groups?: Set<String>,
}`;

/** The schema as Cedar text. Its comments are for authors of policies. */
export const SCHEMA = `
// What administrators put clients into.
entity Group;

// A client: what most requests come from.
entity Application in [Group] = ${PRINCIPAL};

// A user, where a simulation or a later flow asks for one.
entity User in [Group] = ${PRINCIPAL};

// What a mandate is for: Resource::"<identifier>".
entity Resource = {
  // The id of its row; policies usually name it by its identifier.
  id: String,
  // The identifier, as in the head of a policy.
  identifier: String,
  // All scopes that it knows.
  scopes: Set<String>,
  // How its verifiers learn that a mandate was taken back: "introspect", "status_list", "feed" or "expiry"; absent where
  // that was not said.
  revocation?: String,
};
${ACTORS}

// The actor: the client that asks, and those before it.
type ActorClaims = {
  // Who acts now, in the words of its token.
  sub?: String,
  // "user" or "application".
  sub_type?: String,
  // The client that asks.
  client_id?: String,
  // Who issued the actor token.
  iss?: String,
  // The scope of the actor token, separated by spaces.
  scope?: String,
  // The session of the actor token.
  sid?: String,
  // The chain of actors (RFC 8693 4.1), outermost first: context.actor_claims.act.act is the one before.
  act?: Actor1,
};

// The subject, as the verified subject token describes it.
type SubjectClaims = {
  // On whose behalf the mandate will be.
  sub?: String,
  // "user" or "application".
  sub_type?: String,
  // The client that the token was issued to.
  client_id?: String,
  // Whose name sub is: a trusted issuer's, or ours.
  iss?: String,
  // The token itself, by name.
  jti?: String,
  // The zone that issued it.
  zone_id?: String,
  // "session" or "resource".
  use?: String,
  // Its scope, separated by spaces; what is asked for is context.requested_scopes.
  scope?: String,
  // The resources that it is good for, by identifier.
  target?: Set<String>,
  // Its session.
  sid?: String,
  // The session that all of this began with.
  root_sid?: String,
  // When it was issued, in seconds since 1970.
  iat?: Long,
  // From when it is good.
  nbf?: Long,
  // Until when it is good.
  exp?: Long,
  // What a trusted issuer says of the user, as "claim=value".
  labels?: Set<String>,
  // How strongly the subject was authenticated.
  acr?: String,
  // By what means, such as "mfa".
  amr?: Set<String>,
  // When, in seconds since 1970.
  auth_time?: Long,
  // Who acted on the subject's behalf when the token was issued, outermost first.
  act?: Actor1,
  // The agent session that the token was delegated to.
  agent_session_id?: String,
  // The delegation that it was issued on.
  delegation_edge_id?: String,
  // The agent session that delegated.
  source_session_id?: String,
  // The agent session that it was delegated to.
  target_session_id?: String,
  // All delegations that it rests on, by id, without their order.
  delegation_path?: Set<String>,
  // How many times it was delegated.
  hop_count?: Long,
  // The state of the delegations that it was issued in.
  delegation_graph_epoch?: Long,
};

// What a delegation is confined by; nothing is known of it but what the zone declares.
type Constraints = {};

// What the authorization details of a type say, by type and member; nothing is known of it but what the zone declares.
type DetailsByType = {};

// What is decided: whether a token may be exchanged, which takes a permit, and whether the principal may know if one is
// active, which takes none. Only a forbid whose head names Introspect is asked about that; requested_scopes is the scope
// of the token then, and subject_claims what it says.
action TokenExchange, Introspect appliesTo {
  principal: [Application, User],
  resource: [Resource],
  context: {
    // Who acts.
    actor_claims: ActorClaims,
    // Who is acted for; absent without a subject token.
    subject_claims?: SubjectClaims,
    // The scopes that would be granted.
    requested_scopes: Set<String>,
    // Whether the step-up that policy demands is satisfied, by a challenge for this very request or by what is known.
    challenge_resolved: Bool,
    // What a gateway is about to do upstream, such as "GET"; absent without a gateway.
    request_method?: String,
    // Where, such as "/orders/7"; without query.
    request_path?: String,
    // The lifetime that was asked for, in seconds; absent if none was.
    requested_ttl_seconds?: Long,
    // The authorization details that would be granted for the resource (RFC 9396); absent without any.
    authorization_details?: {
      // How many there are.
      count: Long,
      // Their types.
      types: Set<String>,
      // Of all of them together, empty where none has any.
      locations: Set<String>,
      // The same.
      actions: Set<String>,
      // The same.
      datatypes: Set<String>,
      // The same.
      privileges: Set<String>,
      // The members of the details of each type, together: texts as a set, numbers as { lowest, highest }, rounded away
      // from each other. A member is there if all details of the type have it.
      by_type: DetailsByType,
    },
    // When this is decided, in UTC.
    time?: {
      // Seconds since 1970.
      epoch: Long,
      // 0 to 23.
      hour: Long,
      // 0 to 59.
      minute: Long,
      // 1 (Monday) to 7 (Sunday).
      weekday: Long,
    },
    // The trace of the request.
    trace_id?: String,
    // The session, as in session.id.
    session_id?: String,
    // The agent session that acts.
    agent_session_id?: String,
    // The delegation used, as in delegation_edge.id.
    delegation_edge_id?: String,
    // The session that the request belongs to.
    session?: {
      // Its id.
      id: String,
    },
    // The delegation used.
    delegation_edge?: {
      // Its id.
      id: String,
      // The agent session that delegates.
      source_session_id: String,
      // The agent session that it delegates to.
      target_session_id: String,
      // The client that delegates.
      issuer_application_id: String,
      // The client that it delegates to.
      receiver_application_id: String,
      // The one resource that it is for.
      resource_id?: String,
      // The scopes that it is for.
      scopes: Set<String>,
      // All agent sessions from the first, without their order.
      path: Set<String>,
      // The state of the delegations of the zone.
      graph_epoch: Long,
      // What it is confined by, if that is an object.
      constraints_json?: Constraints,
    },
  },
};
`.trimStart();

/** The types to which a zone may add attributes (zone-schema.ts). */
export const EXTENSIBLE_TYPES = [
  'ActorClaims',
  'SubjectClaims',
  'Constraints',
  'DetailsByType',
] as const;
