import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { subjectKey } from './generations.js';
import type { ActorClaim } from './mandate-claims.js';
import { clientsOf, generationsSaid, subjectOf, takenBack } from './taken-back.js';

type Issued = Parameters<typeof takenBack>[0];

const CLIENTS = Array.from({ length: 5 }, (_, n) => `0192f0c1-0000-7000-8000-00000000000${n}`);
const RESOURCES = ['resource://a', 'resource://b', 'resource://c'];
const ISSUER = 'https://idp.example';

/** Generations of everything that there is. */
const state = fc.record({
  zone: fc.nat({ max: 3 }),
  clients: fc.array(fc.nat({ max: 3 }), { minLength: CLIENTS.length, maxLength: CLIENTS.length }),
  resources: fc.array(fc.nat({ max: 3 }), {
    minLength: RESOURCES.length,
    maxLength: RESOURCES.length,
  }),
  issuer: fc.nat({ max: 3 }),
});
type State = typeof state extends fc.Arbitrary<infer T> ? T : never;

const chain = fc.record({
  client: fc.nat({ max: 4 }),
  actors: fc.uniqueArray(fc.nat({ max: 4 }), { maxLength: 3 }),
  via: fc.uniqueArray(fc.nat({ max: 4 }), { maxLength: 2 }),
  targets: fc.uniqueArray(fc.nat({ max: 2 }), { minLength: 1 }),
  user: fc.boolean(),
});
type Chain = typeof chain extends fc.Arbitrary<infer T> ? T : never;

const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index];
  if (found === undefined) throw new Error(`nothing at ${index}`);
  return found;
};

/** A mandate as it is issued while everything is of these generations. */
function issued({ zone, clients, resources, issuer }: State, how: Chain): Issued {
  let act: ActorClaim | undefined;
  for (const n of how.actors.toReversed()) {
    const id = at(CLIENTS, n);
    act = { sub: id, clientId: id, ...(act === undefined ? {} : { act }) };
  }
  const clientId = at(CLIENTS, how.client);
  return {
    clientId,
    sub: how.user ? 'alice' : clientId,
    subType: how.user ? 'user' : 'application',
    ...(how.user ? { subIss: ISSUER } : {}),
    ...(act === undefined ? {} : { act }),
    target: how.targets.map((n) => at(RESOURCES, n)),
    generations: {
      zone,
      client: at(clients, how.client),
      subject: how.user ? 0 : at(clients, how.client),
      issuer: how.user ? issuer : 0,
      actors: how.actors.map((n) => at(clients, n)),
      resources: how.targets.map((n) => at(resources, n)),
      via: Object.fromEntries(how.via.map((n) => [at(CLIENTS, n), at(clients, n)])),
    },
    policies: ['0123456789ab'],
  };
}

const current = ({ zone, clients, resources, issuer }: State, withdrawn = '') => ({
  zone,
  ofClient: (id: string) => clients[CLIENTS.indexOf(id)] ?? null,
  ofIssuer: () => issuer,
  ofResource: (identifier: string) => resources[RESOURCES.indexOf(identifier)] ?? null,
  isWithdrawn: (policy: string) => policy === withdrawn,
});

test('a mandate holds as long as nothing that it comes by is of another generation, and no longer', () => {
  fc.assert(
    fc.property(state, state, chain, (then, now, how) => {
      const same = (n: number) => at(then.clients, n) === at(now.clients, n);
      const holds =
        then.zone === now.zone &&
        [how.client, ...how.actors, ...how.via].every(same) &&
        how.targets.every((n) => at(then.resources, n) === at(now.resources, n)) &&
        (!how.user || then.issuer === now.issuer);
      const mandate = issued(then, how);
      expect(takenBack(mandate, current(now)) === null).toBe(holds);
      expect(takenBack(mandate, current(then))).toBeNull();
      expect(takenBack(mandate, current(then, '0123456789ab'))).toMatch(/was withdrawn$/);
    }),
    { numRuns: 500 },
  );
});

test('says what was taken back, and what is of a generation that is not there', () => {
  const none: State = { zone: 1, clients: [0, 0, 0, 0, 0], resources: [0, 0, 0], issuer: 0 };
  const mandate = issued(none, { client: 0, actors: [1], via: [], targets: [0], user: true });
  expect(takenBack(mandate, current({ ...none, zone: 2 }))).toBe(
    'its zone was taken back (generation 1, now 2)',
  );
  expect(takenBack(mandate, current({ ...none, zone: 0 }))).toBe(
    'its zone is of a generation that is not known (1, now 0)',
  );
  expect(takenBack(mandate, current({ ...none, clients: [0, 4, 0, 0, 0] }))).toBe(
    `the client ${CLIENTS[1]} was taken back (generation 0, now 4)`,
  );
});

test('names every client that it comes by, and a subject only if it is a user', () => {
  const some: State = { zone: 0, clients: [1, 2, 3, 4, 5], resources: [7, 8, 9], issuer: 6 };
  const how: Chain = { client: 0, actors: [1, 2], via: [3], targets: [2, 0], user: true };
  const mandate = issued(some, how);
  expect(clientsOf(mandate)).toEqual([0, 1, 2, 3].map((n) => [CLIENTS[n], n + 1]));
  expect(subjectOf(mandate)).toEqual({ key: subjectKey(ISSUER, 'alice'), generation: 0 });
  expect(generationsSaid(mandate)).toMatchObject({
    zone: 0,
    subject: [subjectKey(ISSUER, 'alice'), 0],
    issuer: [ISSUER, 6],
    resources: [
      ['resource://c', 9],
      ['resource://a', 7],
    ],
  });
  const own = issued(some, { ...how, user: false });
  expect(clientsOf(own).slice(0, 2)).toEqual([
    [CLIENTS[0], 1],
    [CLIENTS[0], 1],
  ]);
  expect(subjectOf(own)).toBeNull();
});
