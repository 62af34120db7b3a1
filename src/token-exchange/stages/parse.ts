import {
  isProblem,
  NO_DETAILS,
  parseDetails,
  type AuthorizationDetail,
} from '../../oauth/authorization-details/detail.js';
import { OAuthError } from '../../oauth/errors.js';
import { single, type Form } from '../../oauth/form.js';
import { isResourceIdentifier } from '../../oauth/resource-identifier.js';
import { parseScope } from '../../oauth/scope.js';
import {
  ACCESS_TOKEN_TYPE,
  CLIENT_CREDENTIALS,
  isMandateTokenType,
  isSubjectTokenType,
  TOKEN_EXCHANGE,
  type GrantType,
  type MandateTokenType,
  type SubjectTokenType,
} from '../../oauth/vocabulary.js';
import type { RequestId } from '../../platform/http/request-id.js';
import { readClientForm } from '../../authentication/client-request.js';
import type { PresentedCredentials } from '../../authentication/authenticate-client.js';
import { readCredentials, readZone } from '../../authentication/credentials.js';
import { readUpstreamCall, type UpstreamCall } from './upstream-call.js';
import type { TokenRequest } from '../token-request.js';

/** A subject token, and what the caller says that it is (RFC 8693 2.1). */
export interface SubjectToken {
  readonly text: string;
  readonly type: SubjectTokenType;
}

/** The tokens whose authority is exchanged. No subject token at all is the client's own authority. */
export interface PresentedTokens {
  readonly subjectToken: SubjectToken | null;
  readonly actorToken: string | null;
}

/** The agent session that a request or a token names, and the delegation that it acts on. */
export interface AgentNames {
  readonly agentSessionId: string;
  readonly delegationEdgeId: string | null;
}

/** What a request asks for, which is there to the end. */
export interface Asked {
  readonly requestId: RequestId;
  readonly grantType: GrantType;
  /** What the gateway is about to do upstream; `null` without a gateway, or if it did not say. */
  readonly upstreamCall: UpstreamCall | null;
  /** What is to be issued (RFC 8693 2.1 `requested_token_type`). */
  readonly tokenType: MandateTokenType;
  /** The targets that the request names, each once, in the order given; none: stage 4c finds some. */
  readonly targets: readonly string[];
  /** `null` if no scope was given. */
  readonly scope: readonly string[] | null;
  /** What exactly is asked for (RFC 9396 6); none if that is left to the scope. */
  readonly details: readonly AuthorizationDetail[];
  readonly ttlSeconds: number | null;
  /** How the subject must have been authenticated, any of these (RFC 9470 4); `null` if that is not asked for. */
  readonly acrValues: readonly string[] | null;
  /** Seconds since when it must have been (RFC 9470 4). */
  readonly maxAge: number | null;
}

/**
 * A token request with its parameters typed; nothing after this stage sees the form. Each member is a part that a later
 * stage hands on as it is, or turns into another part and so drops.
 */
export interface Parsed {
  readonly asked: Asked;
  readonly presented: PresentedCredentials;
  readonly tokens: PresentedTokens;
  readonly sessionId: string | null;
  readonly agent: AgentNames | null;
  /** The challenge that is redeemed, if one is. */
  readonly challenge: ChallengeResponse | null;
}

/** A challenge that is redeemed, and the secret that was answered with it. */
export interface ChallengeResponse {
  readonly id: string;
  readonly response: string;
}

const REPEATABLE: ReadonlySet<string> = new Set(['resource', 'audience']);
const MAX_TARGETS = 20;
/** The ceiling of every lifetime, in seconds; the class of the mandate may cap lower. */
const MAX_TTL = 3_600;

const MAX_ACR_VALUES = 20;
/** Characters that an `acr` has: those of a URI or a name (OpenID Connect Core 2). */
const ACR_VALUE = /^[\x21\x23-\x5B\x5D-\x7E]{1,200}$/;

/**
 * Stage 1: types the parameters (RFC 6749 4.4.2, RFC 8693 2.1, RFC 8707 2, RFC 9396 6).
 *
 * @throws {OAuthError} invalid_request, unsupported_grant_type, invalid_scope, invalid_target,
 *   invalid_authorization_details, and invalid_client where no usable client credentials are there
 */
export function parse(request: TokenRequest): Parsed {
  const form = readClientForm(request, REPEATABLE);
  const grantType = readGrantType(form);
  const credentials = readCredentials(request, form);
  refuseInjection(form);
  const presentedTokens = AUTHORITY[grantType](form);
  const tokens =
    credentials.method === 'federated_token' ? spend(presentedTokens, form) : presentedTokens;
  if (request.gateway !== null && tokens.subjectToken === null) {
    throw malformed('a gateway needs a subject_token');
  }
  const upstreamCall = request.gateway === null ? null : readUpstreamCall(form);
  const tokenType = readRequestedTokenType(form);
  const targets = readTargets(form);
  const scope = readScope(form);
  const details = readDetailsOf(form);
  const agent = readAgent(form);
  const ttlSeconds = readTtl(form);
  const challenge = readChallenge(form);
  const acrValues = readAcrValues(form);
  const maxAge = readMaxAge(form);
  const { requestId, source } = request;
  return {
    asked: {
      requestId,
      grantType,
      upstreamCall,
      tokenType,
      targets,
      scope,
      details,
      ttlSeconds,
      acrValues,
      maxAge,
    },
    presented: { credentials, source, zoneId: readZone(request, form) },
    tokens,
    sessionId: single(form, 'session_id'),
    agent,
    challenge,
  };
}

/**
 * Whose authority each grant is about. The stages after this one do not look at the grant, so a grant that let
 * its token be absent here would give the client's own authority instead.
 */
const AUTHORITY: Readonly<Record<GrantType, (form: Form) => PresentedTokens>> = {
  [TOKEN_EXCHANGE]: (form) => {
    const tokens = readTokens(form);
    if (tokens.actorToken !== null && tokens.subjectToken === null) {
      throw malformed('actor_token needs a subject_token');
    }
    return tokens;
  },
  [CLIENT_CREDENTIALS]: (form) => {
    const tokens = readTokens(form);
    if (tokens.subjectToken !== null || tokens.actorToken !== null) {
      throw malformed('client_credentials takes no subject_token and no actor_token');
    }
    return tokens;
  },
};

/**
 * The tokens of a request whose subject token is its credentials, too: then the client exchanges its own authority, alone,
 * and in a session that ends with what the token says.
 */
function spend({ actorToken }: PresentedTokens, form: Form): PresentedTokens {
  if (actorToken !== null) throw malformed('an actor_token needs client credentials');
  if (single(form, 'session_id') !== null) throw malformed('a session_id needs client credentials');
  return { subjectToken: null, actorToken };
}

function readGrantType(form: Form): GrantType {
  const grantType = single(form, 'grant_type');
  if (grantType === null) throw malformed('grant_type is missing');
  if (isGrantType(grantType)) return grantType;
  throw new OAuthError('unsupported_grant_type', 'this grant_type is not supported');
}

function isGrantType(text: string): text is GrantType {
  return Object.hasOwn(AUTHORITY, text);
}

function readTokens(form: Form): PresentedTokens {
  return {
    subjectToken: readToken(form, 'subject_token', isSubjectTokenType),
    actorToken: readToken(form, 'actor_token', isMandateTokenType, ACCESS_TOKEN_TYPE)?.text ?? null,
  };
}

/** @param otherwise what a token is that comes without its type; `null` if it must not */
function readToken<T extends string>(
  form: Form,
  name: 'subject_token' | 'actor_token',
  isSupported: (type: string) => type is T,
  otherwise: T | null = null,
): { readonly text: string; readonly type: T } | null {
  const text = single(form, name);
  const type = single(form, `${name}_type`) ?? (text === null ? null : otherwise);
  if ((text === null) !== (type === null)) {
    throw malformed(`${name} and ${name}_type belong together`);
  }
  if (text === null || type === null) return null;
  if (!isSupported(type)) throw malformed(`this ${name}_type is not supported`);
  return { text, type };
}

/**
 * Refuses `runtime_credential_injection`, by which clients of Caracal ask for credentials of upstreams. To ignore it would
 * give them a mandate where they expect something else; `false` asks for nothing.
 */
function refuseInjection(form: Form): void {
  const injection = single(form, 'runtime_credential_injection') ?? 'false';
  if (injection !== 'false') throw malformed('runtime_credential_injection is not supported');
}

function readRequestedTokenType(form: Form): MandateTokenType {
  const type = single(form, 'requested_token_type') ?? ACCESS_TOKEN_TYPE;
  if (!isMandateTokenType(type)) throw malformed('this requested_token_type is not supported');
  return type;
}

function readTargets(form: Form): string[] {
  const targets = [...(form.get('resource') ?? []), ...(form.get('audience') ?? [])];
  if (targets.length > MAX_TARGETS) throw malformed(`more than ${MAX_TARGETS} resources`);
  if (!targets.every(isResourceIdentifier)) {
    throw new OAuthError('invalid_target', 'a resource is not an absolute URI without fragment');
  }
  return [...new Set(targets)];
}

function readScope(form: Form): readonly string[] | null {
  const text = single(form, 'scope');
  if (text === null) return null;
  const scope = parseScope(text);
  if (scope === null) throw new OAuthError('invalid_scope', 'the scope is malformed');
  return scope;
}

function readDetailsOf(form: Form): readonly AuthorizationDetail[] {
  const text = single(form, 'authorization_details');
  if (text === null) return NO_DETAILS;
  const details = parseDetails(text);
  if (isProblem(details)) throw wrongDetails(details.problem);
  return details;
}

/** The error for details that cannot be granted (RFC 9396 5). @param problem has no value of theirs */
export function wrongDetails(problem: string): OAuthError {
  return new OAuthError('invalid_authorization_details', `authorization_details: ${problem}`);
}

function readAgent(form: Form): AgentNames | null {
  const agentSessionId = single(form, 'agent_session_id');
  const delegationEdgeId = single(form, 'delegation_edge_id');
  if (delegationEdgeId !== null && agentSessionId === null) {
    throw malformed('delegation_edge_id needs an agent_session_id');
  }
  return agentSessionId === null ? null : { agentSessionId, delegationEdgeId };
}

function readTtl(form: Form): number | null {
  const text = single(form, 'ttl_seconds');
  if (text === null) return null;
  if (!/^[1-9][0-9]{0,8}$/.test(text)) {
    throw malformed('ttl_seconds is not a positive whole number');
  }
  const seconds = Number(text);
  if (seconds > MAX_TTL) throw malformed(`ttl_seconds is more than ${MAX_TTL}`);
  return seconds;
}

function readChallenge(form: Form): ChallengeResponse | null {
  const id = single(form, 'challenge_id');
  const response = single(form, 'challenge_response');
  if ((id === null) !== (response === null)) {
    throw malformed('challenge_id and challenge_response belong together');
  }
  return id === null || response === null ? null : { id, response };
}

function readAcrValues(form: Form): readonly string[] | null {
  const text = single(form, 'acr_values');
  if (text === null) return null;
  const values = text.split(' ');
  if (values.length > MAX_ACR_VALUES || !values.every((value) => ACR_VALUE.test(value))) {
    throw malformed('the acr_values are malformed');
  }
  return [...new Set(values)];
}

function readMaxAge(form: Form): number | null {
  const text = single(form, 'max_age');
  if (text === null) return null;
  if (!/^(0|[1-9][0-9]{0,8})$/.test(text)) throw malformed('max_age is not a whole number');
  return Number(text);
}

function malformed(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}
