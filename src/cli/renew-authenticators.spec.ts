import type { EntityManager } from 'typeorm';
import { expect, test } from 'vitest';
import type { Person } from '../step-up/authenticators/enrolments.service.js';
import { renewAuthenticators } from './renew-authenticators.js';

const read = {} as EntityManager;

/** Renews for so many people, and fails for the one whose turn comes then. */
function renewalOf(names: readonly string[], failsAt?: string) {
  const left = new Set(names);
  return {
    people: async (_zoneId: string, limit: number) =>
      [...left].slice(0, limit).map((subject): Person => ({ subject, issuer: null })),
    renew: async (_change: unknown, { subject }: Person) => {
      if (subject === failsAt) throw new Error('the database is away');
      left.delete(subject);
      return { removed: ['one'], url: `https://x/#${subject}`, expiresAt: new Date(0) };
    },
  };
}

const numbered = (count: number) => Array.from({ length: count }, (_none, i) => `p${i}`);

test('goes on until nobody is left, however many there are', async () => {
  const outcome = await renewAuthenticators({ read, renewal: renewalOf(numbered(401)) }, 'z');
  expect(outcome.code).toBe(0);
  expect(outcome.json).toMatchObject({ renewed: { length: 401 } });
  expect(outcome.lines).toHaveLength(402);
});

test('prints the links that there are already when something fails', async () => {
  const renewal = renewalOf(numbered(5), 'p3');
  const outcome = await renewAuthenticators({ read, renewal }, 'z');
  expect(outcome.code).toBe(3);
  expect(outcome.json).toMatchObject({
    problem: 'the database is away',
    renewed: [{ subject: 'p0' }, { subject: 'p1' }, { subject: 'p2' }],
  });
  expect(outcome.lines.join('\n')).toMatch(/#p2 [^]*the database is away: run it again/);
});

test('fails if there is nothing to print', async () => {
  const renewal = renewalOf(numbered(5), 'p0');
  await expect(renewAuthenticators({ read, renewal }, 'z')).rejects.toThrow('away');
});
