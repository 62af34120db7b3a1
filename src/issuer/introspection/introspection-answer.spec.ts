import { expect, test } from 'vitest';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { activeAnswer } from './introspection-answer.js';
import { resourceView } from './resource-view.fixture.js';

const resources = new Map([
  resourceView('a', { scopes: ['read', 'write'], revocation: 'status_list' }),
  resourceView('b', { scopes: ['read'] }),
  resourceView('c', { scopes: ['read'], revocation: 'feed' }),
]);

const claims = (changes: Partial<MandateClaims> = {}): MandateClaims => ({
  iss: 'https://mandate.example',
  sub: 'somebody',
  subType: 'user',
  subIss: 'https://idp.example',
  aud: ['a', 'b', 'c'],
  exp: 2,
  iat: 1,
  jti: 'j',
  zoneId: 'z',
  clientId: 'holder',
  scope: ['read', 'write'],
  sid: 's',
  rootSid: 's',
  use: 'resource',
  target: ['a', 'b', 'c'],
  ancestors: ['secret'],
  generations: { zone: 1, client: 0, subject: 0, issuer: 0, actors: [], resources: [], via: {} },
  policies: [],
  raw: { aud: ['a', 'b', 'c'], gen: { z: 1 }, ancestors: ['secret'], acr: 'urn:mfa' },
  ...changes,
});

test('all of a mandate is told, and nothing that is only for this server', () => {
  expect(activeAnswer(claims(), ['a', 'b', 'c'], resources, {})).toEqual({
    active: true,
    iss: 'https://mandate.example',
    sub: 'somebody',
    sub_iss: 'https://idp.example',
    sub_type: 'user',
    aud: ['a', 'b', 'c'],
    client_id: 'holder',
    scope: 'read write',
    exp: 2,
    iat: 1,
    jti: 'j',
    token_type: 'Bearer',
    zone_id: 'z',
    use: 'resource',
    sid: 's',
    root_sid: 's',
    target: ['a', 'b', 'c'],
    acr: 'urn:mfa',
    revocation: 'feed',
  });
});

test.each([
  [['a'], { aud: 'a', target: ['a'], scope: 'read write', revocation: 'status_list' }],
  [['b'], { aud: 'b', target: ['b'], scope: 'read', revocation: 'expiry' }],
  [['b', 'c'], { aud: ['b', 'c'], target: ['b', 'c'], scope: 'read', revocation: 'feed' }],
])('the share of %j is what it knows', (known, expected) => {
  expect(activeAnswer(claims(), known, resources, {})).toMatchObject(expected);
});

test('claims of the user are told to those who know a scope that lets them in', () => {
  const { raw } = claims();
  const said = claims({
    raw: { ...raw, email: 'a@b.example', role: ['x'], gone: 1, client_id: 2 },
  });
  const byScope = { read: ['email', 'client_id', 'absent'], write: ['role'], other: ['gone'] };
  expect(activeAnswer(said, ['a', 'b', 'c'], resources, byScope)).toMatchObject({
    email: 'a@b.example',
    role: ['x'],
    gone: 1,
    client_id: 'holder',
  });
  const share = activeAnswer(said, ['b'], resources, byScope);
  expect(share).toMatchObject({ email: 'a@b.example', client_id: 'holder' });
  expect(Object.keys(share).filter((name) => ['role', 'gone', 'absent'].includes(name))).toEqual(
    [],
  );
});

test('a chain of actors is told in full, however deep', () => {
  const act = {
    sub: 'c1',
    clientId: 'c1',
    subType: 'application',
    act: { sub: 'u', act: { sub: 'c2', clientId: 'c2', subType: 'application' } },
  };
  const told = activeAnswer(claims({ act }), ['a', 'b', 'c'], resources, {});
  expect(Reflect.get(told, 'act')).toEqual({
    sub: 'c1',
    client_id: 'c1',
    sub_type: 'application',
    act: { sub: 'u', act: { sub: 'c2', client_id: 'c2', sub_type: 'application' } },
  });
});

test('a mandate that is bound to a key says so, and how', () => {
  const bound = claims({ raw: { aud: 'a', cnf: { jkt: 'thumbprint' } } });
  expect(activeAnswer(bound, ['a', 'b', 'c'], resources, {})).toMatchObject({
    token_type: 'DPoP',
    cnf: { jkt: 'thumbprint' },
  });
  const byCertificate = claims({ raw: { aud: 'a', cnf: { 'x5t#S256': 'digest' } } });
  expect(activeAnswer(byCertificate, ['a', 'b', 'c'], resources, {})).toMatchObject({
    token_type: 'Bearer',
  });
});
