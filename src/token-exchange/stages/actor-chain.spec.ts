import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ActorClaim, MandateClaims } from '../../mandates/mandate-claims.js';
import {
  actingFor,
  actorClaim,
  actorOf,
  ancestorsOf,
  checkLength,
  clientsIn,
  depthOf,
} from './actor-chain.js';

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
    generations: {
      zone: 0,
      client: 0,
      subject: 0,
      issuer: 0,
      actors: [],
      resources: [],
      via: {},
    },
    policies: [],
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

describe('actingFor', () => {
  const resource = { sub: 'shop', clientId: 'shop', subType: 'application' };

  test('adds the resource that asks, on top of earlier actors', () => {
    const act = { sub: 'earlier' };
    expect(actingFor(mandate({ act }), null, 'shop')).toEqual({ ...resource, act });
    expect(actingFor(mandate(), null, 'shop')).toEqual(resource);
  });

  test('adds nobody where the subject is the resource, but a user may be called like it', () => {
    const same = mandate({ sub: 'shop', subType: 'application' });
    expect(actingFor(same, null, 'shop')).toBeUndefined();
    expect(actingFor(mandate({ sub: 'shop' }), null, 'shop')).toEqual(resource);
  });

  test('adds the actor that it names instead of itself', () => {
    expect(actingFor(mandate(), AGENT, 'shop')).toMatchObject({ sub: 'agent' });
  });
});

test('every client of a chain is found', () => {
  const act = { sub: 'a', clientId: '1', act: { sub: 'b', act: { sub: 'c', clientId: '3' } } };
  expect(clientsIn(act)).toEqual(['1', '3']);
});

describe('the length of a chain', () => {
  const actors = (count: number) =>
    Array.from({ length: count }).reduce<ActorClaim | undefined>(
      (act) => ({ sub: 'x', ...(act === undefined ? {} : { act }) }),
      undefined,
    );
  const exchanged = (times: number) =>
    mandate({ ancestors: Array.from({ length: times }, (_, n) => `jti ${n}`) });

  test('ends with what was exchanged itself, after all that came before it', () => {
    expect(ancestorsOf(exchanged(2))).toEqual(['jti 0', 'jti 1', 'jti']);
  });

  test('is ten actors at most', () => {
    expect(() => checkLength(null, actors(10))).not.toThrow();
    expect(() => checkLength(null, actors(11))).toThrow('the chain of actors is longer than 10');
  });

  test('is twelve exchanges at most', () => {
    expect(() => checkLength(exchanged(11), undefined)).not.toThrow();
    expect(() => checkLength(exchanged(12), undefined)).toThrow('longer than 12');
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

  test('says of an application of the delegation only who it is, and of any other all', () => {
    const application = { sub: 'a', clientId: 'a', subType: 'application' };
    const full = { sub: 'a', client_id: 'a', sub_type: 'application' };
    const applications = new Set(['a']);
    const act = { sub: 'b', clientId: 'b', subType: 'application', act: application };
    expect(actorClaim(act, applications)).toEqual({
      sub: 'b',
      client_id: 'b',
      sub_type: 'application',
      act: { sub: 'a' },
    });
    expect(actorClaim(application)).toEqual(full);
    // A user of the same name, and one who acts through it.
    const user = { ...application, subType: 'user' };
    expect(actorClaim(user, applications)).toEqual({ ...full, sub_type: 'user' });
    const through = { ...application, sub: 'alice', subType: 'user' };
    expect(actorClaim(through, new Set(['a', 'alice']))).toMatchObject({ client_id: 'a' });
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
