import { expect, test } from 'vitest';
import type { Caller } from '../../authentication/authenticate-client.js';
import type { TokenVerifier } from '../token-verification.service.js';
import { authenticate, identify, limit } from './authenticate.js';
import type { Authorized } from './authorize.js';
import { bind } from './bind.js';
import { cleared } from './clearance.js';
import { delegate } from './delegate.js';
import type { mint } from './mint.js';
import { parse, type Parsed } from './parse.js';
import { resolve } from './resolve.js';
import { target } from './target.js';

const SECRET = 'a secret that must not go on';

/** A session request by client credentials, and a challenge that it redeems. */
function parsed(): Parsed {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: 'client',
    client_secret: SECRET,
    resource: 'resource://a',
    challenge_id: 'challenge',
    challenge_response: SECRET,
  });
  return parse({
    requestId: { request_id: 'request' },
    body: Buffer.from(form.toString()),
    authorization: [],
    trace: null,
    hasQuery: false,
    method: 'POST',
    path: '/oauth/2/token',
    gateway: null,
    zoneInPath: null,
    source: '127.0.0.1',
    inFlight: { expectAnswer: () => {}, countFor: () => {}, noteClaim: () => {} },
  });
}

const caller = { zone: { zoneId: 'zone' }, client: { id: 'client' } } as unknown as Caller;
const noTokens = {} as unknown as TokenVerifier;
const nothing = { find: async () => null, route: async () => null };

test('a stage hands on what is still needed, the very same, and drops what it has used', async () => {
  const first = parsed();
  const identified = await identify(first, {
    identify: async () => null,
    findZone: async () => null,
  });
  const proved = await authenticate(identified, { verify: async () => caller });
  const authenticated = await limit(proved, async () => {});
  const resolved = await resolve(authenticated, noTokens);
  const bound = await bind(resolved, nothing);
  const delegated = await delegate(bound, nothing);
  const parts = { granted: {}, policy: {} } as unknown as Pick<Authorized, 'granted' | 'policy'>;
  const targeted = target(delegated);
  const passed = cleared({ ...targeted, ...parts }, parts.policy);

  const asked = ['asked', 'tokens', 'sessionId', 'agent', 'challenge'];
  expect(Object.keys(first)).toEqual(expect.arrayContaining([...asked, 'presented']));
  expect(Object.keys(identified).toSorted()).toEqual(
    [...asked, 'claimed', 'presented', 'zone'].toSorted(),
  );
  expect(Object.keys(authenticated).toSorted()).toEqual([...asked, 'caller'].toSorted());
  expect(Object.keys(resolved).toSorted()).toEqual(
    ['asked', 'sessionId', 'agent', 'challenge', 'caller', 'principals'].toSorted(),
  );
  expect(Object.keys(bound).toSorted()).toEqual(
    ['asked', 'agent', 'challenge', 'caller', 'principals', 'anchor'].toSorted(),
  );
  const found = ['asked', 'caller', 'principals', 'anchor', 'agency', 'actingAgent'];
  expect(Object.keys(delegated).toSorted()).toEqual([...found, 'challenge'].toSorted());
  expect(Object.keys(targeted).toSorted()).toEqual([...found, 'challenge', 'targets'].toSorted());
  expect(Object.keys(passed).toSorted()).toEqual(
    [...found, 'targets', 'granted', 'policy', 'authenticationContext', 'redeemed'].toSorted(),
  );
  for (const later of [identified, authenticated, resolved, bound, delegated, targeted, passed]) {
    expect(later.asked).toBe(first.asked);
  }
  expect(JSON.stringify(identified.presented)).toContain(SECRET);
  expect(JSON.stringify({ ...authenticated, challenge: null })).not.toContain(SECRET);
  expect(JSON.stringify(passed)).not.toContain(SECRET);
});

test('only what owes nothing can be minted', () => {
  type Mintable = Parameters<typeof mint>[0];
  // @ts-expect-error -- what policy has been asked about may owe a step-up
  const owing: Mintable = {} as unknown as Authorized;
  // @ts-expect-error -- and having the same members makes nothing clear
  const copied: Mintable = {} as unknown as Pick<Mintable, keyof Mintable & string>;
  expect([owing, copied]).toHaveLength(2);
});
