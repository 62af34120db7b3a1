import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ActorClaim, MandateClaims } from '../../mandates/verify-mandate.js';
import { actorClaim, actorOf, depthOf } from './actor-chain.js';

function mandate(changes: Partial<MandateClaims> = {}): MandateClaims {
  return {
    iss: 'https://sts.example',
    sub: 'alice',
    aud: ['https://sts.example'],
    exp: 2,
    iat: 1,
    jti: 'jti',
    zoneId: 'zone',
    clientId: 'client',
    scope: [],
    sid: 'sid',
    rootSid: 'sid',
    use: 'session',
    subType: 'user',
    target: ['resource://a'],
    ancestors: [],
    raw: {},
    ...changes,
  };
}

const AGENT = mandate({ sub: 'agent', clientId: 'agent-client', subType: 'application' });

/** A chain of actors of some depth, whose members may or may not say more than `sub`. */
const chain: fc.Arbitrary<ActorClaim> = fc
  .array(
    fc.record(
      { sub: fc.string({ minLength: 1 }), clientId: fc.uuid(), subType: fc.constant('user') },
      { requiredKeys: ['sub'] },
    ),
    { minLength: 1, maxLength: 10 },
  )
  .map((links) => links.reduce<ActorClaim>((act, link) => ({ ...link, act }), { sub: 'first' }));

describe('actorOf', () => {
  test('is nobody if nobody acts', () => {
    expect(actorOf(mandate(), null)).toBeUndefined();
  });

  test('is who acts, and says nothing of the rest of its mandate', () => {
    expect(actorOf(mandate(), AGENT)).toEqual({
      sub: 'agent',
      clientId: 'agent-client',
      subType: 'application',
    });
  });

  test('keeps earlier actors as they were: below a new one, or alone', () => {
    fc.assert(
      fc.property(chain, (act) => {
        expect(actorOf(mandate({ act }), null)).toEqual(act);
        const next = actorOf(mandate({ act }), AGENT);
        expect(next).toEqual({
          sub: 'agent',
          clientId: 'agent-client',
          subType: 'application',
          act,
        });
        expect(depthOf(next)).toBe(depthOf(act) + 1);
      }),
    );
  });
});

describe('actorClaim', () => {
  test('uses the names of claims, and leaves out what is not known', () => {
    const act = { sub: 'a', clientId: 'c', subType: 'user', act: { sub: 'b' } };
    expect(actorClaim(act)).toEqual({
      sub: 'a',
      client_id: 'c',
      sub_type: 'user',
      act: { sub: 'b' },
    });
  });

  test('keeps every actor, in order', () => {
    const subjects = (act: unknown): unknown[] =>
      typeof act === 'object' && act !== null && 'sub' in act
        ? [act.sub, ...subjects('act' in act ? act.act : undefined)]
        : [];
    fc.assert(
      fc.property(chain, (act) => {
        expect(subjects(actorClaim(act))).toEqual(subjects(act));
        expect(subjects(act)).toHaveLength(depthOf(act));
      }),
    );
  });
});

test('depthOf counts actors', () => {
  expect(depthOf(undefined)).toBe(0);
  expect(depthOf({ sub: 'a' })).toBe(1);
  expect(depthOf({ sub: 'a', act: { sub: 'b', act: { sub: 'c' } } })).toBe(3);
});
