import { expect, test } from 'vitest';
import { resourceView } from './resource-view.fixture.js';
import { addressedIn, knownTargets, type Addressed } from './who-may-know.js';

const resources = new Map([
  resourceView('owned', { ownerClientId: 'owner' }),
  resourceView('shared', { introspectionClientIds: ['reader', 'owner'] }),
  resourceView('behind', { access: 'gateway' }),
]);

const mandate: Addressed = {
  use: 'resource',
  clientId: 'holder',
  target: ['owned', 'shared', 'behind', 'gone'],
};

const known = (clientId: string, changes: Partial<Addressed> = {}, isGateway = false) =>
  knownTargets({ ...mandate, ...changes }, { clientId, isGateway }, resources);

test('a mandate is known to whom it was issued to, and for its share to whoever a resource lets ask', () => {
  expect(known('holder')).toEqual(mandate.target);
  expect(known('owner')).toEqual(['owned', 'shared']);
  expect(known('reader')).toEqual(['shared']);
  expect(known('stranger')).toEqual([]);
});

test('a gateway knows what is behind it, and what the client does that it speaks for', () => {
  expect(known('stranger', {}, true)).toEqual(['behind']);
  expect(known('reader', {}, true)).toEqual(['shared', 'behind']);
  expect(known('holder', {}, true)).toEqual(mandate.target);
});

test('a session mandate is known to nobody but its client', () => {
  expect(known('holder', { use: 'session' })).toEqual(mandate.target);
  expect(known('owner', { use: 'session' })).toEqual([]);
  expect(known('stranger', { use: 'session' }, true)).toEqual([]);
});

test('what a token says that was not verified is read as far as it is of the kind', () => {
  const said = { use: 'resource', client_id: 'holder', target: ['owned', 7] };
  expect(addressedIn(said)).toEqual({ ...mandate, target: ['owned'] });
  for (const changes of [{ use: 'other' }, { client_id: 7 }, { target: 'owned' }, { target: {} }]) {
    expect(addressedIn({ ...said, ...changes })).toBeNull();
  }
  expect(addressedIn({})).toBeNull();
});
