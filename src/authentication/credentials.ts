import type { SignedRequest } from './gateway-signature.js';
import { clientNamedIn } from './client-assertion.js';
import { parseBasic } from '../oauth/basic-credentials.js';
import { OAuthError } from '../oauth/errors.js';
import { single, type Form } from '../oauth/form.js';
import { ID_TOKEN_TYPE, JWT_BEARER_ASSERTION, JWT_TOKEN_TYPE } from '../oauth/vocabulary.js';
import type { GatewayHeaders } from '../oauth/gateway-headers.js';

/** Client credentials, not verified yet. */
export type Credentials = OwnCredentials | FederatedCredentials;

/** Those of a client itself, which name it. */
export type OwnCredentials = SecretCredentials | AssertionCredentials | GatewayCredentials;

/** A shared secret (RFC 6749 2.3.1). */
export interface SecretCredentials {
  readonly method: 'client_secret_basic' | 'client_secret_post';
  readonly clientId: string;
  readonly secret: string;
  /** What was written, if the secret can be read in two ways; together they are one guess. */
  readonly rawSecret: string | null;
}

/** A signed assertion (RFC 7521 4.2): the client's own, or that of the issuer of its identity. */
export interface AssertionCredentials {
  readonly method: 'client_assertion';
  /** Empty if neither the request nor the assertion names a client. */
  readonly clientId: string;
  readonly assertion: string;
}

/** The signature of a gateway, which speaks for the client that it names. */
export interface GatewayCredentials {
  readonly method: 'gateway';
  readonly clientId: string;
  readonly headers: GatewayHeaders;
  /** The signed request, byte for byte. */
  readonly signed: SignedRequest;
}

/** The token of a workload that is exchanged, where there is nothing else (RFC 8693 2.1): it names the client. */
export interface FederatedCredentials {
  readonly method: 'federated_token';
  /** The client that the request names beside it, which has to be the same; empty if it names none. */
  readonly clientId: string;
  /** The zone in the path. */
  readonly zoneId: string;
  readonly token: string;
}

/** The request that carries credentials, as it came off the wire. */
export interface CredentialedRequest extends SignedRequest {
  /** The zone whose own endpoint was asked, as its path has it; `null` at an endpoint of all zones. */
  readonly zoneInPath: string | null;
  /** The values of the `Authorization` headers. */
  readonly authorization: readonly string[];
  /** `null` if no header of a gateway's signature is there; any one of them makes it a gateway's. */
  readonly gateway: GatewayHeaders | null;
}

/**
 * Reads the client credentials of a request: exactly one kind, since two could name two clients.
 *
 * @throws {OAuthError} invalid_request for more than one way; invalid_client for none that is usable
 */
export function readCredentials(request: CredentialedRequest, form: Form): Credentials {
  const clientSecret = single(form, 'client_secret');
  const assertion = readAssertion(form);
  const named = agreeing(single(form, 'client_id'), single(form, 'application_id'));
  const [authorization] = request.authorization;
  if (request.gateway !== null) {
    const { timestamp, request: id, signature } = request.gateway;
    if (timestamp === null || id === null || signature === null) {
      throw noCredentials('half a gateway signature');
    }
    if (authorization !== undefined || clientSecret !== null || assertion !== null) throw twoWays();
    if (named === null) throw noCredentials('the gateway names no client');
    const { method, path, body, gateway: headers } = request;
    return { method: 'gateway', clientId: named, headers, signed: { method, path, body } };
  }
  if (assertion !== null) {
    if (authorization !== undefined || clientSecret !== null) throw twoWays();
    const client = named ?? clientNamedIn(assertion.text) ?? '';
    if (assertion.type !== JWT_BEARER_ASSERTION) throw noCredentials('unknown type of assertion');
    return { method: 'client_assertion', clientId: client, assertion: assertion.text };
  }
  if (authorization === undefined) {
    const federated = clientSecret === null ? readFederated(request, form, named) : null;
    if (federated !== null) return federated;
    if (named === null || clientSecret === null) throw noCredentials('no client credentials');
    return { method: 'client_secret_post', clientId: named, secret: clientSecret, rawSecret: null };
  }
  if (request.authorization.length > 1) {
    throw new OAuthError('invalid_request', 'more than one Authorization header');
  }
  if (clientSecret !== null) throw twoWays();
  const basic = parseBasic(authorization);
  if (basic === null) throw noCredentials('unusable Authorization header', 'Basic realm="mandate"');
  agreeing(named, basic.clientId);
  return { method: 'client_secret_basic', ...basic };
}

/**
 * The zone that a request names.
 *
 * @returns `null` if it names none
 * @throws {OAuthError} invalid_request if it names two
 */
export function readZone({ zoneInPath }: CredentialedRequest, form: Form): string | null {
  return agreeing(zoneInPath, single(form, 'zone_id'), 'zones');
}

/** A subject token of an issuer that may name the client; one of ours never does. */
function readFederated(
  { zoneInPath: zoneId }: CredentialedRequest,
  form: Form,
  named: string | null,
): FederatedCredentials | null {
  const token = single(form, 'subject_token');
  const type = single(form, 'subject_token_type');
  if (zoneId === null || token === null || !FEDERATED_TYPES.includes(type)) return null;
  return { method: 'federated_token', clientId: named ?? '', zoneId, token };
}

const FEDERATED_TYPES: readonly (string | null)[] = [JWT_TOKEN_TYPE, ID_TOKEN_TYPE];

function readAssertion(form: Form) {
  const text = single(form, 'client_assertion');
  const type = single(form, 'client_assertion_type');
  if (text === null && type === null) return null;
  if (text !== null && type !== null) return { text, type };
  throw new OAuthError(
    'invalid_request',
    'client_assertion and client_assertion_type belong together',
  );
}

function agreeing(one: string | null, other: string | null, what = 'clients'): string | null {
  if (one !== null && other !== null && one !== other) {
    throw new OAuthError('invalid_request', `the request names two different ${what}`);
  }
  return one ?? other;
}

function twoWays(): OAuthError {
  return new OAuthError('invalid_request', 'the client authenticates in more than one way');
}

/** The error for missing credentials, in the words for wrong ones: one body for every cause. */
function noCredentials(detail: string, wwwAuthenticate?: string): OAuthError {
  return new OAuthError('invalid_client', 'client authentication failed', {
    detail,
    ...(wwwAuthenticate === undefined ? {} : { wwwAuthenticate }),
  });
}
