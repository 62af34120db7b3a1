import { createRemoteJWKSet, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { expect } from 'vitest';
import type { Replica } from './harness.js';
import { persistently } from './patience.js';
import { postForm, readAnswer, type Answer, type TestZone } from './zone.js';

export const SESSION_REVOKED =
  'https://schemas.openid.net/secevent/caep/event-type/session-revoked';
export const VERIFICATION = 'https://schemas.openid.net/secevent/ssf/event-type/verification';
export const STREAM_UPDATED = 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated';

/** A Security Event Token whose signature and claims were verified as a receiver verifies them (OpenID SSF 1.0 4.1). */
export interface VerifiedSet extends JWTPayload {
  readonly events: Readonly<Record<string, Record<string, unknown>>>;
  readonly sub_id: Record<string, unknown>;
}

/** A receiver of shared signals, which knows of the transmitter what its configuration says. */
export interface SignalReceiver {
  readonly clientId: string;
  readonly secret: string;
  readonly configuration: Readonly<Record<string, unknown>>;
  /** A new bearer with a scope. */
  token(scope?: string): Promise<string>;
  /** Calls an endpoint of the configuration. */
  call(
    method: string,
    endpoint: string,
    body?: unknown,
    options?: { readonly bearer?: string | null; readonly query?: string; readonly at?: Replica },
  ): Promise<Answer>;
  /** Fetches events; at once, unless the body says otherwise. */
  poll(streamId: string, body?: object, at?: Replica): Promise<Answer>;
  /** What a poll has answered, verified, in order. */
  sets(answer: Answer): Promise<VerifiedSet[]>;
  verify(set: string): Promise<VerifiedSet>;
}

/** Registers a receiver in a zone, which discovers the transmitter. */
export async function newSignalReceiver(
  zone: TestZone,
  replica: Replica = zone.replica,
): Promise<SignalReceiver> {
  const { clientId, secret } = await zone.newClient({ ssf: true });
  const found = await persistently(async () =>
    readAnswer(await fetch(`${replica.url}/.well-known/ssf-configuration/zones/${zone.zoneId}`)),
  );
  expect(found.status).toBe(200);
  const configuration = found.body;
  /** Where an address of the configuration is answered in a test: `ISSUER_URL` is no place where anybody listens. */
  const here = (url: unknown, at: Replica) => {
    const { pathname, search } = new URL(String(url));
    return `${at.url}${pathname}${search}`;
  };
  const keys: JWTVerifyGetKey = createRemoteJWKSet(
    new URL(here(configuration['jwks_uri'], replica)),
  );
  const token = async (scope = 'ssf.manage') => {
    const answer = await persistently(() =>
      postForm(replica.url, {
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: secret,
        scope,
      }),
    );
    expect(answer.status).toBe(200);
    return String(answer.body['access_token']);
  };
  let usual: string | undefined;
  const call: SignalReceiver['call'] = async (method, endpoint, body, options = {}) => {
    const bearer = options.bearer === undefined ? (usual ??= await token()) : options.bearer;
    const url = `${here(configuration[endpoint] ?? endpoint, options.at ?? replica)}${options.query ?? ''}`;
    return persistently(async () =>
      readAnswer(
        await fetch(url, {
          method,
          headers: {
            ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
    );
  };
  const verify = async (set: string) => {
    const { payload, protectedHeader } = await jwtVerify<VerifiedSet>(set, keys, {
      issuer: String(configuration['issuer']),
      audience: clientId,
      typ: 'secevent+jwt',
      requiredClaims: ['jti', 'iat', 'txn', 'sub_id', 'events'],
    });
    expect(protectedHeader.typ).toBe('secevent+jwt');
    expect(payload).not.toHaveProperty('exp');
    expect(payload).not.toHaveProperty('sub');
    expect(Object.keys(payload.events)).toHaveLength(1);
    return payload;
  };
  return {
    clientId,
    secret,
    configuration,
    token,
    call,
    poll: (streamId, body = {}, at = replica) =>
      call(
        'POST',
        String(configuration['configuration_endpoint']).replace(/streams$/, `poll/${streamId}`),
        { returnImmediately: true, ...body },
        { at },
      ),
    sets: async (answer) => {
      expect(answer.status).toBe(200);
      return Promise.all(Object.values(answer.body['sets'] as Record<string, string>).map(verify));
    },
    verify,
  };
}

/** The one event of a set: its type, and what it says. */
export function eventOf({ events }: VerifiedSet): [string, Record<string, unknown>] {
  const [first] = Object.entries(events);
  if (first === undefined) throw new Error('a set without an event');
  return first;
}
