import { UnprocessableEntityException } from '@nestjs/common';
import type { AssertionAudience } from '../../zones/clients/asserting-client.js';
import type { FetchRules } from '../../platform/outbound/guarded-request.js';
import { readKeys, type KeysBody, type RegisteredKeys } from '../issuers/registered-keys.js';

/** Ways to authenticate with a shared secret (RFC 6749 2.3.1). */
export const SECRET_METHODS = ['client_secret_basic', 'client_secret_post'] as const;

/**
 * How clients may authenticate (RFC 7591 2, OpenID Connect Core 9). `workload_identity` is ours: an
 * assertion of the issuer of the client's identity (RFC 7523 2.2).
 */
export const AUTH_METHODS = [...SECRET_METHODS, 'private_key_jwt', 'workload_identity'] as const;

/** How a client authenticates, and what by. */
export interface RegisteredAuthentication extends RegisteredKeys {
  readonly authMethods: readonly string[];
  readonly assertionAudience: AssertionAudience;
  readonly workloadIssuer: string | null;
  readonly workloadSubject: string | null;
}

/** The same in a body. What is left out stays as it is, or follows from the rest. */
export interface AuthenticationBody extends KeysBody {
  readonly auth_methods?: readonly string[];
  readonly assertion_audience?: AssertionAudience | null;
  readonly workload_identity?: { readonly issuer: string; readonly subject: string };
}

/** Whether a body says anything about how the client authenticates. */
export function changesAuthentication(body: AuthenticationBody): boolean {
  const { auth_methods: methods, jwks, jwks_uri: uri, workload_identity: workload } = body;
  const { assertion_audience: audience } = body;
  return [methods, jwks, uri, workload, audience].some((member) => member !== undefined);
}

/** Whether any of the methods takes a secret. */
export function takesSecret(authMethods: readonly string[]): boolean {
  return SECRET_METHODS.some((method) => authMethods.includes(method));
}

/**
 * Reads how a client authenticates.
 *
 * @param before how it has done so far; `null` for a new client
 * @throws {UnprocessableEntityException} if methods, keys and workload do not fit together
 */
export function readAuthentication(
  body: AuthenticationBody,
  before: RegisteredAuthentication | null,
  rules: FetchRules,
): RegisteredAuthentication {
  const given = readKeys(body, rules);
  const { workload_identity: workload } = body;
  const methods = body.auth_methods ?? before?.authMethods ?? methodsFor(body);
  const ownKeys = methods.includes('private_key_jwt');
  const byWorkload = methods.includes('workload_identity');
  if (byWorkload && methods.some((method) => method !== 'workload_identity')) {
    throw new UnprocessableEntityException('workload_identity excludes every other method');
  }
  if (given !== null && !ownKeys) {
    throw new UnprocessableEntityException('keys are for the method private_key_jwt');
  }
  const { assertion_audience: audience } = body;
  if (audience !== undefined && audience !== null && !ownKeys) {
    throw new UnprocessableEntityException('assertion_audience is for the method private_key_jwt');
  }
  if (workload !== undefined && !byWorkload) {
    throw new UnprocessableEntityException('a workload is for the method workload_identity');
  }
  // What no method needs any more is dropped.
  const keys = ownKeys ? (given ?? before) : null;
  const { jwks = null, jwksUri = null } = keys ?? {};
  const kept = audience === undefined ? before?.assertionAudience : audience;
  const assertionAudience = ownKeys ? (kept ?? 'issuer') : 'issuer';
  const workloadIssuer = byWorkload ? (workload?.issuer ?? before?.workloadIssuer ?? null) : null;
  const workloadSubject = byWorkload
    ? (workload?.subject ?? before?.workloadSubject ?? null)
    : null;
  if (ownKeys && jwks === null && jwksUri === null) {
    throw new UnprocessableEntityException('private_key_jwt takes jwks or jwks_uri');
  }
  if (byWorkload && workloadSubject === null) {
    throw new UnprocessableEntityException('workload_identity takes an issuer and a subject');
  }
  const authMethods = [...new Set(methods)].toSorted();
  return { authMethods, jwks, jwksUri, assertionAudience, workloadIssuer, workloadSubject };
}

function methodsFor({ jwks, jwks_uri: uri, workload_identity: workload }: AuthenticationBody) {
  if (workload !== undefined) return ['workload_identity'];
  return jwks === undefined && uri === undefined ? SECRET_METHODS : ['private_key_jwt'];
}
