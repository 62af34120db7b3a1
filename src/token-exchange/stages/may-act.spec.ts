import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { obeysMayAct, type ActorFacts } from './may-act.js';

const ACTOR: ActorFacts = { iss: 'https://sts.example', sub: 'agent', client_id: 'client' };

test.each<Readonly<Record<string, unknown>>>([
  { sub: 'agent' },
  { client_id: 'client' },
  { iss: 'https://sts.example', sub: 'agent' },
  { ...ACTOR },
])('lets the actor act that %j names', (mayAct) => {
  expect(obeysMayAct(mayAct, ACTOR)).toBe(true);
});

test.each<Readonly<Record<string, unknown>>>([
  {},
  { sub: 'other' },
  { sub: 'Agent' },
  { sub: 'agent ' },
  { sub: ['agent'] },
  { sub: { agent: true } },
  { sub: null },
  { sub: undefined },
  { sub: 'agent', client_id: 'other' },
  { sub: 'agent', iss: 'https://evil.example' },
  { sub: 'agent', group: 'admins' },
  { group: undefined },
  { toString: 'agent' },
  { constructor: Object },
  { client_id: 'agent', sub: 'client' },
])('lets nobody act by %j', (mayAct) => {
  expect(obeysMayAct(mayAct, ACTOR)).toBe(false);
});

test('never lets more act for another member', () => {
  const mayAct = fc.dictionary(
    fc.constantFrom('iss', 'sub', 'client_id', 'aud', '__proto__'),
    fc.constantFrom<unknown>('https://sts.example', 'agent', 'client', 1, null),
  );
  fc.assert(
    fc.property(mayAct, mayAct, (one, other) => {
      const both = Object.fromEntries([...Object.entries(one), ...Object.entries(other)]);
      const kept = Object.entries(one).every(([name, value]) => both[name] === value);
      const narrowed = Object.keys(one).length > 0 && kept && obeysMayAct(both, ACTOR);
      if (narrowed) expect(obeysMayAct(one, ACTOR)).toBe(true);
    }),
  );
});
