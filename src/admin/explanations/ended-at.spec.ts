import { expect, test } from 'vitest';
import { endedAt, surelyPassed } from './ended-at.js';

const CLIENT = { client_id: '0192f0c1-0000-7000-8000-00000000000a' };
const DENIED = { policy: { decisions: [{ decision: 'deny' }] } };

test.each([
  [{ error: 'unsupported_grant_type' }, 'parse'],
  [{ error: 'invalid_client', reason: 'unknown client' }, 'authenticate'],
  [{ error: 'invalid_request', claimed_identity: {} }, 'authenticate'],
  [{ error: 'invalid_request', reason: 'repeated parameter' }, null],
  [{ ...CLIENT, error: 'invalid_grant', reason: 'subject_token: expired' }, 'resolve'],
  [{ ...CLIENT, error: 'invalid_grant', reason: 'subject_token: revoked' }, 'record'],
  [{ ...CLIENT, error: 'invalid_grant', reason: 'session of another client' }, 'bind'],
  [{ ...CLIENT, error: 'invalid_grant', reason: 'several delegations lead here' }, 'delegate'],
  [
    { ...CLIENT, error: 'invalid_grant', reason: 'unknown agent session or delegation' },
    'delegate',
  ],
  [{ ...CLIENT, error: 'invalid_target', reason: 'no resource, and no default' }, 'target'],
  [{ ...CLIENT, error: 'invalid_target', reason: 'beyond the delegation: r' }, 'authorize'],
  [{ ...CLIENT, error: 'access_denied', reason: 'denied for r', ...DENIED }, 'authorize'],
  [{ ...CLIENT, error: 'access_denied', reason: 'not confirmed for r by a mfa' }, 'clear'],
  [{ ...CLIENT, error: 'interaction_required', reason: 'step-up mfa is required' }, 'clear'],
  [{ ...CLIENT, error: 'invalid_request', reason: 'ttl_seconds is more than 900' }, 'mint'],
  [{ ...CLIENT, error: 'invalid_grant', reason: 'the session is not alive' }, 'record'],
  [{ ...CLIENT, error: 'temporarily_unavailable', reason: 'something else' }, null],
])('%j ended at %s', (event, stage) => {
  expect(endedAt(event)).toBe(stage);
});

test.each([
  ['parse', 'parse'],
  ['identify', 'authenticate'],
  ['limit', 'authenticate'],
  ['mint', 'mint'],
  ['hold', 'clear'],
  ['record', 'record'],
])('an event that names the stage %s ended at %s, whatever its reason says', (stage, told) => {
  const reason = 'unknown resource: denied for a challenge that was used before';
  expect(endedAt({ ...CLIENT, ...DENIED, error: 'invalid_client', reason, stage })).toBe(told);
});

test('what is no stage is none', () => {
  const event = { ...CLIENT, error: 'invalid_target', reason: 'unknown resource: r' };
  for (const stage of ['somewhere', 8, null, ['mint']]) {
    expect(endedAt({ ...event, stage })).toBe('authorize');
  }
});

test('what only a stage finds out shows that it was passed', () => {
  expect(surelyPassed({})).toBeNull();
  expect(surelyPassed(CLIENT)).toBe('authenticate');
  expect(surelyPassed({ ...CLIENT, subject: { sub: 'a' } })).toBe('resolve');
  expect(surelyPassed({ ...CLIENT, ...DENIED })).toBe('target');
});
