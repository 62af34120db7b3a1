import { randomUUID } from 'node:crypto';
import { foreignForger, newKey, secondsNow } from './tokens/foreign-tokens.js';
import type { Members, TokenForger } from './tokens/token-forger.js';
import { readAnswer, TOKEN_EXCHANGE, type Answer, type Parameters, type TestZone } from './zone.js';

export const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt';

/** An issuer whose tokens name workloads, such as a cluster or a CI system. */
export interface WorkloadIssuer {
  readonly id: string;
  readonly name: string;
  readonly forger: TokenForger;
  /** A token of a workload: good by default, claims turned by name. */
  token(sub: string, claims?: Members): Promise<string>;
}

/** The subject of a workload: a service account of a cluster. */
export const POD = 'system:serviceaccount:shop:web';

/** What is answered to a token that names no client, whatever is wrong with it. */
export const NAMES_NONE = {
  status: 400,
  error: 'invalid_request',
  description:
    'there are no client credentials, and the subject_token names no client of this zone',
};

/** That, with what the audit log says is wrong with the token. */
export const namesNone = (reason: string) => ({
  ...NAMES_NONE,
  reason: `subject_token: ${reason}`,
});

/** Registers a client that one workload is, and returns its id. */
export async function newWorkloadClient(
  zone: TestZone,
  issuer: WorkloadIssuer,
  subject: string,
  more: object = {},
): Promise<string> {
  const identity = { issuer: issuer.name, subject, ...more };
  return (await zone.newClient({ federated_identities: [identity] })).clientId;
}

/** Registers an issuer whose tokens may name clients. They are for the zone, unless something else is said. */
export async function newWorkloadIssuer(
  zone: TestZone,
  registration: object = {},
  name = `https://cluster-${randomUUID()}.example`,
): Promise<WorkloadIssuer> {
  const [key, otherKey] = [await newKey('ES256', 'cluster'), await newKey('ES256', 'other')];
  const { id } = await zone.admin('POST', '/issuers', {
    issuer: name,
    jwks: { keys: [key.publicJwk] },
    token_types: ['client_assertion'],
    ...registration,
  });
  const good = () => {
    const now = secondsNow();
    return { iss: name, sub: 'nobody', aud: zone.issuer, iat: now, exp: now + 3_000 };
  };
  const forger = foreignForger('ES256', key, otherKey, good);
  return {
    id: String(id),
    name,
    forger,
    token: (sub, claims = {}) => forger.sign({}, { sub, ...claims }),
  };
}

/** Sends a form to the token endpoint of a zone. */
export async function postToZone(
  url: string,
  zoneId: string,
  parameters: Parameters,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of value === undefined ? [] : [value].flat()) form.append(name, one);
  }
  const endpoint = `${url}/zones/${zoneId}/oauth/2/token`;
  return readAnswer(await fetch(endpoint, { method: 'POST', body: form, headers }));
}

/** The parameters of a workload that has nothing but its token. */
export const workloadRequest = (token: string, parameters: Parameters = {}): Parameters => ({
  grant_type: TOKEN_EXCHANGE,
  audience: 'resource://a',
  scope: 'a:read',
  requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  subject_token: token,
  subject_token_type: JWT_TYPE,
  ...parameters,
});
