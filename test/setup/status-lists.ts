import { inflateSync } from 'node:zlib';
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose';
import type { Replica } from './harness.js';
import { persistently } from './patience.js';

/** Where a mandate says that its status is told. */
export interface Reference {
  readonly idx: number;
  readonly uri: string;
}

/** A status list, as its token says it, and the bits in it. */
export interface ReadList {
  readonly token: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
  /** @throws {Error} beyond the list: such a mandate is to be rejected */
  status(idx: number): number;
}

/** The reference of a mandate; `null` for one whose status no list tells. */
export function referenceOf(mandate: string): Reference | null {
  const { status } = decodeJwt(mandate);
  if (status === undefined) return null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looked at by the test
  return (status as { status_list: Reference }).status_list;
}

/** Asks a replica for what has a URI of its issuer. */
export function fetchAt(replica: Replica, uri: string, init?: RequestInit): Promise<Response> {
  const { pathname, search } = new URL(uri);
  return persistently(() => fetch(`${replica.url}${pathname}${search}`, init));
}

/**
 * Reads the list of a reference as a verifier does that knows nothing but the draft (draft-ietf-oauth-status-list 8.3) and
 * where the keys of the zone are.
 */
export async function readList(
  replica: Replica,
  zoneId: string,
  { uri }: Reference,
): Promise<ReadList> {
  const answer = await fetchAt(replica, uri);
  const token = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status} ${token}`);
  if (answer.headers.get('content-type') !== 'application/statuslist+jwt') {
    throw new Error(`the list is ${answer.headers.get('content-type')}`);
  }
  const keys = await fetchAt(replica, `http://x/zones/${zoneId}/.well-known/jwks.json`);
  const { payload } = await jwtVerify(
    token,
    createLocalJWKSet((await keys.json()) as JSONWebKeySet),
    { typ: 'statuslist+jwt', subject: uri, requiredClaims: ['iat', 'exp'] },
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as the draft has it
  const { bits, lst } = payload['status_list'] as { bits: number; lst: string };
  const bytes = inflateSync(Buffer.from(lst, 'base64url'));
  if (bits !== 1) throw new Error('more than a bit');
  return {
    token,
    claims: payload,
    headers: answer.headers,
    status(idx) {
      const byte = bytes[Math.floor(idx / 8)];
      if (byte === undefined) throw new Error('beyond the list');
      return (byte >> (idx % 8)) & 1;
    },
  };
}
