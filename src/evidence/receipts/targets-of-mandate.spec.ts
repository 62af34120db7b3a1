import { describe, expect, test } from 'vitest';
import { NAMED_TARGETS, targetKey } from '../../issuer/revocation/revocation-target.js';
import { LEEWAY } from '../../keys/rotation/key-schedule.js';
import { HONOURED_AFTER, keyOfTarget, targetsOf, tookBack } from './targets-of-mandate.js';

const EXP = Date.UTC(2026, 10, 23, 13) / 1_000;
const ISSUED = {
  at: '2026-11-23T12:00:00.500000Z',
  client_id: 'client',
  policy: { policy_set_version_id: 'version' },
  mandate: {
    sid: 'session',
    root_sid: 'root',
    agent_session_id: 'agent',
    delegation_path: ['one', 'two'],
    target: ['resource://a', 'resource://b'],
    sub: 'ada',
    sub_iss: 'https://issuer.test',
    kid: 'kid',
    exp: EXP,
  },
};

test('a mandate goes with all that orders name but its jti, which are found as they are stored', () => {
  const targets = targetsOf(ISSUED);
  const members = new Set(targets.flatMap((target) => Object.keys(target)));
  const others = NAMED_TARGETS.filter((name) => name !== 'jti');
  expect([...members].toSorted()).toEqual([...others, 'subject', 'zone'].toSorted());
  const subject = { sub: 'ada', iss: 'https://issuer.test' };
  const stored = [
    targetKey({ kind: 'zone' }),
    targetKey({ kind: 'subject', subject }),
    targetKey({ kind: 'resource', name: 'resource://b' }),
    targetKey({ kind: 'delegation_edge_id', name: 'two' }),
  ].map((key) => key.toString('hex'));
  expect(targets.map((one) => keyOfTarget(one).toString('hex'))).toEqual(
    expect.arrayContaining(stored),
  );
});

const AT = '2026-11-23T12:30:00.000000Z';

// The event of an order is stored as jsonb, which has an order of its own.
test.each([
  { client_id: 'client' },
  { zone: true },
  { subject: { sub: 'ada', iss: 'https://issuer.test' } },
  { subject: { iss: 'https://issuer.test', sub: 'ada' } },
])('a mandate goes with %j', (target) => {
  expect(tookBack({ target, at: AT }, ISSUED)).toBe(true);
});

test.each([
  undefined,
  null,
  {},
  { client_id: 'other' },
  { subject: { sub: 'ada', iss: 'https://other.test' } },
  { subject: { sub: 'ada' } },
  { subject: 'ada' },
  { zone: true, client_id: 'client' },
])('a mandate does not go with %j', (target) => {
  expect(tookBack({ target, at: AT }, ISSUED)).toBe(false);
});

describe('a mandate goes with an order of its time', () => {
  const end = new Date((EXP + LEEWAY) * 1_000).toISOString();
  test.each([
    ['before it was issued', '2026-11-23T12:00:00.499999Z', false],
    ['right then', ISSUED.at, true],
    ['when nobody honours it any more', '2026-11-23T13:01:00.001000Z', false],
    ['just before', end, true],
    ['some time', 'yesterday', false],
    ['at no time', undefined, false],
  ])('%s', (_, at, isHit) => {
    expect(tookBack({ target: { zone: true }, at }, ISSUED)).toBe(isHit);
  });

  test('nothing took back what does not say when it ends', () => {
    const mandate = { sid: 'session' };
    expect(tookBack({ target: { zone: true }, at: AT }, { ...ISSUED, mandate })).toBe(false);
  });

  test('as verifiers are told', () => {
    expect(HONOURED_AFTER).toBe(LEEWAY);
  });
});

test('what a receipt does not say took nothing back', () => {
  expect(targetsOf({ mandate: { sub: 'client' } })).toEqual([{ zone: true }]);
});
