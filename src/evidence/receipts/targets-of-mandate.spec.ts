import { expect, test } from 'vitest';
import { NAMED_TARGETS, targetKey } from '../../issuer/revocation/revocation-target.js';
import { isAmongTargets, keyOfTarget, targetsOf } from './targets-of-mandate.js';

const ISSUED = {
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

test.each([
  undefined,
  null,
  {},
  { client_id: 'other' },
  { subject: { sub: 'ada', iss: 'https://other.test' } },
  { zone: true, client_id: 'client' },
])('a mandate does not go with %j', (target) => {
  expect(isAmongTargets(target, ISSUED)).toBe(false);
});

test('what a receipt does not say took nothing back', () => {
  expect(targetsOf({ mandate: { sub: 'client' } })).toEqual([{ zone: true }]);
});
