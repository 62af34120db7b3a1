import { KeyObject } from 'node:crypto';
import * as fc from 'fast-check';
import { exportJWK, generateKeyPair, calculateJwkThumbprint } from 'jose';
import { describe, expect, test } from 'vitest';
import {
  hostileTokens,
  makeForger,
  type ForgerKey,
  type TokenForger,
} from '../../test/setup/tokens/hostile-tokens.js';
import { SIGNING_ALGS, type SigningAlg } from '../oauth/algorithms.js';
import { VerifiedSignatures } from '../platform/verified-signatures.js';
import { InvalidToken } from './invalid-token.js';
import { verifyMandate, type VerificationKey, type VerifyOptions } from './verify-mandate.js';

const NOW = 1_800_000_000;
const ISSUER = 'https://sts.example';
const ZONE = '0192f0c1-0000-7000-8000-00000000000a';
const JTI = '0192f0c1-0000-7000-8000-00000000000b';
const SID = '0192f0c1-0000-7000-8000-00000000000c';
const ROOT_SID = '0192f0c1-0000-7000-8000-00000000000d';
const CLIENT = '0192f0c1-0000-7000-8000-00000000000e';

const CLAIMS = {
  iss: ISSUER,
  sub: 'alice',
  aud: ISSUER,
  exp: NOW + 900,
  iat: NOW,
  jti: JTI,
  zone_id: ZONE,
  client_id: CLIENT,
  scope: 'pipernet:read pipernet:write',
  sid: SID,
  root_sid: ROOT_SID,
  use: 'session',
  sub_type: 'user',
  target: ['resource://pipernet', 'resource://hooli'],
};

interface Rig {
  readonly forger: TokenForger;
  readonly key: VerificationKey;
}

async function rig(alg: SigningAlg): Promise<Rig> {
  const pairs = await Promise.all([generate(alg), generate(alg)]);
  const [own, other] = pairs;
  const { kid, privateKey, publicJwk } = own;
  return {
    forger: makeForger({
      kid,
      privateKey,
      publicJwk,
      alg,
      claims: CLAIMS,
      now: NOW,
      otherKey: other,
    }),
    key: { kid, alg, publicKey: own.publicKey },
  };
}

async function generate(alg: SigningAlg): Promise<ForgerKey & Pick<VerificationKey, 'publicKey'>> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  const publicJwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  return { privateKey, publicKey: KeyObject.from(publicKey), publicJwk, kid };
}

function options(key: VerificationKey, changes: Partial<VerifyOptions> = {}): VerifyOptions {
  return {
    issuer: ISSUER,
    formerIssuer: null,
    zoneId: ZONE,
    now: NOW,
    findKey: (kid) => (kid === key.kid ? key : null),
    verified: new VerifiedSignatures(),
    ...changes,
  };
}

/** The reason for which a token is refused, or null if it is accepted. */
async function refusal(token: string, verifyOptions: VerifyOptions): Promise<string | null> {
  try {
    await verifyMandate(token, verifyOptions);
    return null;
  } catch (error) {
    if (error instanceof InvalidToken) return error.reason;
    throw error;
  }
}

const { forger, key } = await rig('ES256');

describe('verifyMandate', () => {
  test('returns the claims of a session mandate', async () => {
    expect(await verifyMandate(await forger.sign(), options(key))).toEqual({
      iss: ISSUER,
      sub: 'alice',
      aud: [ISSUER],
      exp: NOW + 900,
      iat: NOW,
      jti: JTI,
      zoneId: ZONE,
      clientId: CLIENT,
      scope: ['pipernet:read', 'pipernet:write'],
      sid: SID,
      rootSid: ROOT_SID,
      use: 'session',
      subType: 'user',
      target: ['resource://pipernet', 'resource://hooli'],
      ancestors: [],
      generations: {
        zone: 0,
        client: 0,
        subject: 0,
        issuer: 0,
        actors: [],
        resources: [0, 0],
        via: {},
      },
      policies: [],
      raw: CLAIMS,
    });
  });

  test('returns the claims of a resource mandate with actors', async () => {
    const token = await forger.sign(
      {},
      {
        use: 'resource',
        aud: ['resource://hooli', 'resource://pipernet'],
        scope: '',
        act: { sub: 'b', client_id: CLIENT, sub_type: 'application', act: { sub: 'a' } },
        may_act: { sub: 'c' },
        hop_count: 2,
      },
    );
    expect(await verifyMandate(token, options(key))).toMatchObject({
      use: 'resource',
      aud: ['resource://hooli', 'resource://pipernet'],
      scope: [],
      act: { sub: 'b', clientId: CLIENT, subType: 'application', act: { sub: 'a' } },
      mayAct: { sub: 'c' },
      raw: { hop_count: 2 },
    });
  });

  test('accepts typ JWT for resources, and for nothing else', async () => {
    const changes = { use: 'resource', aud: 'r://a', target: ['r://a'] };
    for (const typ of ['at+jwt', 'JWT']) {
      expect(await refusal(await forger.sign({ typ }, changes), options(key))).toBeNull();
    }
    for (const typ of ['jwt', 'Jwt', 'JWT ', 'application/jwt', '', 'JWT,at+jwt']) {
      expect(await refusal(await forger.sign({ typ }, changes), options(key))).toBe('wrong_typ');
    }
    expect(await refusal(await forger.sign({ typ: 'JWT' }), options(key))).toBe('wrong_typ');
    expect(await refusal(await forger.sign({ typ: 'JWT' }, { use: 'x' }), options(key))).toBe(
      'invalid_use',
    );
  });

  test('reads of an actor that is a station of the delegation what the chain says of it', async () => {
    const chain = [{ application_id: CLIENT, agent_session_id: SID }];
    const actorOf = async (act: object, delegation_chain: unknown = chain) => {
      const token = await forger.sign({}, { act, delegation_chain });
      return (await verifyMandate(token, options(key))).act;
    };
    const station = { sub: CLIENT, clientId: CLIENT, subType: 'application' };
    expect(await actorOf({ sub: CLIENT })).toEqual(station);
    expect(await actorOf({ sub: 'bob', act: { sub: CLIENT } })).toEqual({
      sub: 'bob',
      act: station,
    });
    // What a token says itself stands, and nothing is made up of those whom the chain does not name.
    const user = { sub: CLIENT, sub_type: 'user' };
    expect(await actorOf(user)).toEqual({ sub: CLIENT, subType: 'user' });
    expect(await actorOf({ sub: JTI })).toEqual({ sub: JTI });
    for (const odd of [null, 'x', {}, [null, 1, CLIENT], [{ agent_session_id: CLIENT }]]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await actorOf({ sub: CLIENT }, odd)).toEqual({ sub: CLIENT });
    }
  });

  test.each(SIGNING_ALGS)('accepts %s', async (alg) => {
    const other = await rig(alg);
    expect(await refusal(await other.forger.sign(), options(other.key))).toBeNull();
  });

  test.each<[string, Record<string, unknown>]>([
    ['aud as an array of one', { aud: [ISSUER] }],
    ['no nbf beside one that has come', { nbf: NOW }],
    ['an nbf within the skew', { nbf: NOW + 30 }],
    ['an iat within the skew', { iat: NOW + 30 }],
    ['an exp a second away', { exp: NOW + 1 }],
    ['a lifetime of a day', { exp: NOW + 86_400 }],
    ['a sub of 512 bytes', { sub: 'a'.repeat(512) }],
    ['a sub beyond ASCII', { sub: '李小龍' }],
    ['an empty scope', { scope: '' }],
    ['a client as subject', { sub_type: 'application' }],
    ['claims it does not know', { acr: 'high', amr: ['otp'], x: { y: [1] } }],
    ['one resource as a string', { use: 'resource', aud: 'r://a', target: ['r://a'] }],
    ['resources in another order', { use: 'resource', aud: ['b', 'a'], target: ['a', 'b'] }],
    ['ten actors', { act: actors(10) }],
  ])('accepts %s', async (_, changes) => {
    expect(await refusal(await forger.sign({}, changes), options(key))).toBeNull();
  });

  test.each<[string, Record<string, unknown>]>([
    ['for fewer than its resources', { use: 'resource', aud: 'a', target: ['a', 'b'] }],
    ['for more than its resources', { use: 'resource', aud: ['a', 'b'], target: ['a'] }],
    ['for other resources', { use: 'resource', aud: ['a', 'c'], target: ['a', 'b'] }],
    ['for us beside its resources', { use: 'resource', aud: ['a', ISSUER], target: ['a', ISSUER] }],
    ['for somebody beside us', { aud: [ISSUER, 'a'] }],
  ])('refuses a mandate %s', async (_, changes) => {
    expect(await refusal(await forger.sign({}, changes), options(key))).toBe('wrong_audience');
  });

  const BEFORE = 'https://before.example';
  const ofBefore = { use: 'resource', aud: 'r://a', target: ['r://a'] };

  test.each<[string, Record<string, unknown>, string | null, string | null]>([
    ['one before', { iss: BEFORE, aud: BEFORE }, BEFORE, null],
    ['one before, for a resource', { iss: BEFORE, ...ofBefore }, BEFORE, null],
    ['one before, when that is over', { iss: BEFORE, aud: BEFORE }, null, 'wrong_issuer'],
    ['one that is neither', { iss: `${BEFORE}/`, aud: `${BEFORE}/` }, BEFORE, 'wrong_issuer'],
    ['both at once', { iss: [ISSUER, BEFORE] }, BEFORE, 'wrong_issuer'],
    ['none', { iss: null, aud: 'null' }, null, 'wrong_issuer'],
    // Each mandate is whole, of one of the two.
    ['one before, for that of today', { iss: BEFORE, aud: ISSUER }, BEFORE, 'wrong_audience'],
    ['that of today, for the one before', { aud: BEFORE }, BEFORE, 'wrong_audience'],
    ['either, for both', { aud: [ISSUER, BEFORE] }, BEFORE, 'wrong_audience'],
    [
      'that of today, for the one before as a resource',
      { use: 'resource', aud: BEFORE, target: [BEFORE] },
      BEFORE,
      'wrong_audience',
    ],
    [
      'that of today, of a subject of the one before',
      { sub_iss: BEFORE },
      BEFORE,
      'invalid_sub_iss',
    ],
    ['that of today, of another subject', { sub_iss: BEFORE }, null, null],
  ])(
    'where the issuer was changed, looks at a mandate of %s',
    async (_, claims, before, reason) => {
      const changed = options(key, { formerIssuer: before });
      expect(await refusal(await forger.sign({}, claims), changed)).toBe(reason);
    },
  );

  test.each<[string, Record<string, unknown>]>([
    ['ours', { sub_iss: ISSUER }],
    ['of an application', { sub_iss: 'https://idp', sub_type: 'application' }],
    ['empty', { sub_iss: '' }],
    ['a list', { sub_iss: ['https://idp'] }],
  ])('refuses an issuer of the subject that is %s', async (_, changes) => {
    expect(await refusal(await forger.sign({}, changes), options(key))).toBe('invalid_sub_iss');
  });

  test.each(hostileTokens.map((hostile) => [hostile.name, hostile] as const))(
    'refuses %s',
    async (_, hostile) => {
      expect(await refusal(await hostile.forge(forger), options(key))).toBe(hostile.reason);
    },
  );

  test('has a table of hostile tokens without two of the same name', () => {
    expect(new Set(hostileTokens.map(({ name }) => name)).size).toBe(hostileTokens.length);
  });

  test.each<[string, Partial<VerifyOptions>, string]>([
    ['at the second it expires', { now: NOW + 900 }, 'expired'],
    ['at a time that is no number', { now: Number.NaN }, 'expired'],
    ['before it is issued', { now: NOW - 31 }, 'issued_in_future'],
    ['in another zone that knows the key', { zoneId: JTI }, 'wrong_zone'],
    ['by another issuer that knows the key', { issuer: 'https://b.example' }, 'wrong_issuer'],
    ['in a zone without keys', { findKey: () => null }, 'unknown_kid'],
  ])('refuses a good token %s', async (_, changes, reason) => {
    expect(await refusal(await forger.sign(), options(key, changes))).toBe(reason);
  });

  test('accepts a token until a moment before it expires', async () => {
    const token = await forger.sign();
    expect(await refusal(token, options(key, { now: NOW + 899.999 }))).toBeNull();
  });

  test('refuses a token of which any character is replaced', async () => {
    const token = await forger.sign();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.oneof(
          fc.base64String({ minLength: 4 }).map((text) => text.charAt(0)),
          fc.string({ unit: 'binary', maxLength: 1 }),
        ),
        async (at, character) => {
          fc.pre(token.charAt(at) !== character);
          const altered = token.slice(0, at) + character + token.slice(at + 1);
          expect(await refusal(altered, options(key))).not.toBeNull();
        },
      ),
      { numRuns: 500 },
    );
  });

  test('refuses a token whose last character is any other', async () => {
    const token = await forger.sign();
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const altered = token.slice(0, -1) + last;
      if (altered === token) continue;
      // A signature of 64 bytes leaves four unused bits, so most of these are spelt badly.
      expect(['noncanonical_base64url', 'bad_signature']).toContain(
        await refusal(altered, options(key)),
      );
    }
  });

  test('throws nothing but InvalidToken, whatever the claims are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(CLAIMS), 'nbf', 'act', 'may_act'),
        fc.jsonValue({ stringUnit: 'binary' }),
        async (name, value) => {
          await refusal(await forger.sign({}, { [name]: value }), options(key));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('reports a key that does not fit its algorithm as our own fault', async () => {
    const misfit: VerificationKey = { ...(await rig('ES384')).key, kid: key.kid, alg: 'ES256' };
    await expect(verifyMandate(await forger.sign(), options(misfit))).rejects.toThrow(TypeError);
  });
});

describe('hostile tokens under other algorithms', () => {
  test.each(['ES384', 'EdDSA', 'RS256', 'PS256'] as const)('%s refuses them all', async (alg) => {
    const other = await rig(alg);
    for (const hostile of hostileTokens) {
      const token = await hostile.forge(other.forger);
      expect([hostile.name, await refusal(token, options(other.key))]).toEqual([
        hostile.name,
        hostile.reason,
      ]);
    }
  });
});

function actors(count: number): Record<string, unknown> {
  const inner = count > 1 ? { act: actors(count - 1) } : {};
  return { sub: `agent-${count}`, ...inner };
}
