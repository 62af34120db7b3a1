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

/** Runs the command, and keeps what it prints. */
function run(renewal: ReturnType<typeof renewalOf>, json = true) {
  const printed: string[] = [];
  const print = async (line: string) => void printed.push(line);
  const done = renewAuthenticators({ read, renewal }, { zoneId: 'z', json }, print);
  return { printed, done };
}

test('goes on until nobody is left, however many there are', async () => {
  const { printed, done } = run(renewalOf(numbered(401)));
  expect(await done).toEqual({ code: 0, lines: [] });
  expect(printed).toHaveLength(401);
  expect(JSON.parse(String(printed[400]))).toMatchObject({
    subject: 'p400',
    enrolment_url: 'https://x/#p400',
  });
});

test('prints each link before the next person is renewed', async () => {
  const order: string[] = [];
  const renewal = renewalOf(numbered(3));
  const logged = {
    ...renewal,
    renew: async (change: unknown, person: Person) => {
      order.push(`renews ${person.subject}`);
      return renewal.renew(change, person);
    },
  };
  const print = async (line: string) => {
    await Promise.resolve();
    order.push(`prints ${/#(\w+)/.exec(line)?.[1] ?? ''}`);
  };
  await renewAuthenticators({ read, renewal: logged }, { zoneId: 'z', json: false }, print);
  expect(order).toEqual(['p0', 'p1', 'p2'].flatMap((name) => [`renews ${name}`, `prints ${name}`]));
});

test('has printed the links that there are already when something fails', async () => {
  const { printed, done } = run(renewalOf(numbered(5), 'p3'), false);
  await expect(done).rejects.toThrow('the database is away: run it again for the others');
  expect(printed.map((line) => /#(\w+)/.exec(line)?.[1])).toEqual(['p0', 'p1', 'p2']);
});

test('renews nobody else, and says whose link is lost, when a line cannot be printed', async () => {
  const renewal = renewalOf(numbered(5));
  const print = () => Promise.reject(new Error('EPIPE'));
  await expect(
    renewAuthenticators({ read, renewal }, { zoneId: 'z', json: false }, print),
  ).rejects.toThrow('the link of p0 in zone z could not be printed (EPIPE)');
  expect(await renewal.people('z', 9)).toHaveLength(4);
});

test('fails if there is nothing to print', async () => {
  const { done } = run(renewalOf(numbered(5), 'p0'));
  await expect(done).rejects.toThrow(/^the database is away$/);
});

test('says so if nobody has such a key', async () => {
  expect(await run(renewalOf([])).done).toMatchObject({
    lines: [expect.stringMatching('no authenticator')],
  });
});
