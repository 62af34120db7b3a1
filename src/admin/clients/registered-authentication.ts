import { UnprocessableEntityException } from '@nestjs/common';
import type { AssertionAudience } from '../../zones/clients/asserting-client.js';
import type { FetchRules } from '../../platform/outbound/fetch-rules.js';
import type { RegisteredIdentity } from './federated-identities.js';
import { FEDERATED_IDENTITY } from '../../authentication/federated-clients.service.js';
import { SECRET_METHODS } from '../../authentication/authentication-methods.js';
import { readKeys, type KeysBody, type RegisteredKeys } from '../issuers/registered-keys.js';

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
  /** One method instead of these (RFC 7591 2). */
  readonly token_endpoint_auth_method?: string;
  readonly assertion_audience?: AssertionAudience | null;
  readonly workload_identity?: { readonly issuer: string; readonly subject: string };
  readonly federated_identities?: readonly RegisteredIdentity[] | null;
}

/** Whether a body says anything about how the client authenticates. */
export function changesAuthentication(body: AuthenticationBody): boolean {
  const { auth_methods: methods, jwks, jwks_uri: uri, workload_identity: workload } = body;
  const { assertion_audience: audience, federated_identities: federated } = body;
  const { token_endpoint_auth_method: method } = body;
  return [methods, method, jwks, uri, workload, audience, federated].some(
    (member) => member !== undefined,
  );
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
  const methods = readMethods(body, before);
  const ownKeys = methods.includes('private_key_jwt');
  const byWorkload = methods.includes('workload_identity');
  const besideWorkload: readonly string[] = ['workload_identity', FEDERATED_IDENTITY];
  if (byWorkload && methods.some((method) => !besideWorkload.includes(method))) {
    throw new UnprocessableEntityException(
      `workload_identity excludes every other method but ${FEDERATED_IDENTITY}`,
    );
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

/** @throws {UnprocessableEntityException} if they are said twice */
function methodsGiven({
  auth_methods: several,
  token_endpoint_auth_method: one,
}: AuthenticationBody): readonly string[] | undefined {
  if (one === undefined) return several;
  if (several === undefined) return [one];
  throw new UnprocessableEntityException('token_endpoint_auth_method: either this or auth_methods');
}

/**
 * The methods of a body, or those that go with what it has. Federated identities add a method to those that there are,
 * and take it away with the last of them.
 */
function readMethods(
  body: AuthenticationBody,
  before: RegisteredAuthentication | null,
): readonly string[] {
  const { federated_identities: identities } = body;
  const given = methodsGiven(body);
  const federated = (identities ?? []).length > 0;
  if (given !== undefined) {
    if (federated && !given.includes(FEDERATED_IDENTITY)) {
      throw new UnprocessableEntityException(
        `federated_identities are for the method ${FEDERATED_IDENTITY}`,
      );
    }
    return given;
  }
  const others = before?.authMethods ?? methodsFor(body);
  if (identities === undefined) return others;
  const methods = others.filter((method) => method !== FEDERATED_IDENTITY);
  if (federated) return [...methods, FEDERATED_IDENTITY];
  if (methods.length > 0) return methods;
  throw new UnprocessableEntityException('the client would have no way to authenticate');
}

function methodsFor(body: AuthenticationBody): readonly string[] {
  const {
    jwks,
    jwks_uri: uri,
    workload_identity: workload,
    federated_identities: federated,
  } = body;
  if (workload !== undefined) return ['workload_identity'];
  if (jwks !== undefined || uri !== undefined) return ['private_key_jwt'];
  return (federated ?? []).length > 0 ? [] : SECRET_METHODS;
}

/**
 * The federated identities that a client is to have from now on. Without the method none; what a body does not say
 * stays as it is.
 *
 * @throws {UnprocessableEntityException} for the method without any
 */
export function readIdentities(
  { federated_identities: given }: AuthenticationBody,
  before: readonly RegisteredIdentity[],
  authMethods: readonly string[],
): readonly RegisteredIdentity[] {
  if (!authMethods.includes(FEDERATED_IDENTITY)) return [];
  const identities = given === undefined ? before : (given ?? []);
  if (identities.length > 0) return identities;
  throw new UnprocessableEntityException(`${FEDERATED_IDENTITY} takes federated_identities`);
}
