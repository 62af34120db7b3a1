import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bindingOf,
  challengeState,
  type ChallengeMoments,
  type ChallengeState,
  type HeldRequest,
} from './challenge.js';

const moments = fc.record({
  decision: fc.constantFrom(null, 'approved' as const, 'rejected' as const),
  consumedAt: fc.constantFrom(null, new Date(500)),
  expiresAt: fc.integer({ min: 0, max: 2_000 }).map((ms) => new Date(ms)),
});

/** Where time alone may lead from a state. */
const LATER: Readonly<Record<ChallengeState, readonly ChallengeState[]>> = {
  pending: ['pending', 'expired'],
  approved: ['approved', 'expired'],
  rejected: ['rejected'],
  expired: ['expired'],
  consumed: ['consumed'],
};

describe('the state of a challenge', () => {
  test.each<[Partial<ChallengeMoments>, number, ChallengeState]>([
    [{}, 99, 'pending'],
    [{}, 100, 'expired'],
    [{ decision: 'approved' }, 99, 'approved'],
    [{ decision: 'approved' }, 100, 'expired'],
    [{ decision: 'rejected' }, 99, 'rejected'],
    [{ decision: 'rejected' }, 100, 'rejected'],
    [{ decision: 'approved', consumedAt: new Date(50) }, 60, 'consumed'],
    [{ decision: 'approved', consumedAt: new Date(50) }, 100, 'consumed'],
  ])('with %j is, at %i, %s', (turned, now, state) => {
    const challenge = { decision: null, consumedAt: null, expiresAt: new Date(100), ...turned };
    expect(challengeState(challenge, now)).toBe(state);
  });

  test('is left in the course of time only by expiring', () => {
    fc.assert(
      fc.property(moments, fc.nat(2_000), fc.nat(2_000), (challenge, now, wait) => {
        const state = challengeState(challenge, now);
        expect(LATER[state]).toContain(challengeState(challenge, now + wait));
      }),
    );
  });

  test('is pending or approved only before it expires', () => {
    fc.assert(
      fc.property(moments, fc.nat(2_000), (challenge, now) => {
        const live = ['pending', 'approved'].includes(challengeState(challenge, now));
        expect(live && challenge.expiresAt.getTime() <= now).toBe(false);
      }),
    );
  });
});

describe('the binding', () => {
  const request: HeldRequest = {
    zone_id: 'z',
    type: 'approval',
    demanded_for: ['resource://a'],
    policy_set_version_id: 'p',
    acr_values: ['x'],
    max_age: 60,
    client_id: 'c',
    subject: { sub: 'alice', type: 'user', iss: 'https://idp' },
    subject_client_id: 'e',
    act: { sub: 'actor' },
    session_id: 's',
    agent_session_id: 'g',
    delegation_edge_id: 'd',
    use: 'resource',
    through_gateway: true,
    operation: { method: 'GET', path: '/' },
    resources: ['resource://a'],
    scopes: ['read'],
    max_lifetime_seconds: 900,
  };

  test.each(Object.keys(request))('changes with %s', (member) => {
    const { [member]: _gone, ...without } = request as unknown as Record<string, unknown>;
    for (const other of [without, { ...request, [member]: 'another' }]) {
      expect(bindingOf(other as unknown as HeldRequest)).not.toBe(bindingOf(request));
    }
  });

  test('does not change with the order of members', () => {
    const reversed = Object.fromEntries(Object.entries(request).toReversed());
    expect(bindingOf(reversed as unknown as HeldRequest)).toBe(bindingOf(request));
  });
});
