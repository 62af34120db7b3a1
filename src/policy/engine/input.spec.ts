import { describe, expect, test } from 'vitest';
import { UnrepresentableInput, toCedarRequest } from './cedar-request.js';
import { type JsonObject, type JsonValue } from './input.js';
import { input, nested } from '../policy.fixture.js';

const claimed = (actor_claims: JsonObject) =>
  toCedarRequest(input({ context: { actor_claims } })).context['actor_claims'];

describe('toCedarRequest', () => {
  test('names principal, action and resource as policies write them', () => {
    const { principal, action, resource } = toCedarRequest(input());
    expect(principal).toEqual({ type: 'Application', id: 'app-1' });
    expect(action).toEqual({ type: 'Action', id: 'TokenExchange' });
    expect(resource).toEqual({ type: 'Resource', id: 'https://api.example.com' });
  });

  test('gives the entities their attributes, and leaves out what is not given', () => {
    const { entities } = toCedarRequest(input({ principal: { labels: ['blue'] } }));
    expect(entities.map(({ attrs }) => attrs)).toEqual([
      { id: 'app-1', zone_id: 'zone-1', labels: ['blue'] },
      { id: 'res-1', identifier: 'https://api.example.com', scopes: ['read', 'write'] },
    ]);
  });

  test('puts session and delegation edge under context, when there are any', () => {
    expect(toCedarRequest(input()).context).not.toHaveProperty('session');
    expect(toCedarRequest(input({ session: { id: 's' } })).context['session']).toEqual({ id: 's' });
  });

  test.each<[string, JsonValue, unknown]>([
    ['a non-integer', 1.5, '1.5'],
    ['an integer beyond the safe ones', 2 ** 53, '9007199254740992'],
    ['a huge number', 1e300, '1e+300'],
    ['an integer', -7, -7],
    ['nulls in an array', [null, 'a', [null]], ['a', []]],
    [
      'an escape for an entity',
      { __entity: { type: 'User', id: 'root' } },
      { ___entity: { type: 'User', id: 'root' } },
    ],
    [
      'an escape for an extension',
      [{ __extn: { fn: 'ip', arg: '::1' } }],
      [{ ___extn: { fn: 'ip', arg: '::1' } }],
    ],
    ['an escaped escape', { ___extn: 1, __expr: 2 }, { ____extn: 1, ___expr: 2 }],
  ])('says %s', (_, claim, said) => {
    expect(claimed({ claim })).toEqual({ claim: said });
  });

  test('drops a null member', () => {
    expect(claimed({ claim: null, other: 1 })).toEqual({ other: 1 });
  });

  test('keeps a claim that is called __proto__', () => {
    const claims: JsonObject = JSON.parse('{"__proto__": {"admin": true}}');
    const said = claimed(claims);
    expect(JSON.stringify(said)).toBe('{"__proto__":{"admin":true}}');
    expect(said).not.toHaveProperty('admin');
  });

  test.each([
    ['a lone surrogate', input({ context: { actor_claims: { sub: '\ud800' } } })],
    ['a lone surrogate in a name', input({ context: { actor_claims: { '\udc00': 1 } } })],
    ['a lone surrogate in an id', input({ principal: { id: '\ud800' } })],
    ['deep nesting', input({ context: { actor_claims: nested(33) } })],
    ['an unknown principal type', input({ principal: JSON.parse('{"type":"Action"}') })],
  ])('refuses %s', (_, refused) => {
    expect(() => toCedarRequest(refused)).toThrow(UnrepresentableInput);
  });
});
