import { describe, expect, test } from 'vitest';
import { readUpstreamCall, scopeOf } from './upstream-call.js';

const form = (method?: string, path?: string) =>
  new Map(
    Object.entries({ request_method: method, request_path: path }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, [value]] as const],
    ),
  );

describe('an operation', () => {
  test('is read from its two parameters', () => {
    expect(readUpstreamCall(form('get', '/orders/7'))).toEqual({
      method: 'GET',
      path: '/orders/7',
    });
    expect(readUpstreamCall(form())).toBeNull();
  });

  test.each([
    [undefined, '/orders'],
    ['GET', undefined],
    ['G ET', '/orders'],
    ['GET', 'orders'],
    ['GET', '/orders?x=1'],
    ['GET', '/orders#x'],
    ['GET', '/a/../orders'],
    ['GET', '/a/.'],
    ['GET', '//orders'],
    ['GET', '/a%2forders'],
    ['GET', '/a%2e%2e/orders'],
    ['GET', '/a;x/orders'],
    ['GET', '/a\\orders'],
    ['GET', `/${'a'.repeat(2_048)}`],
  ])('is refused as %s %s', (method, path) => {
    expect(() => readUpstreamCall(form(method, path))).toThrow(/request_method/);
  });
});

describe('the scope of an operation', () => {
  const declared = [
    { method: 'GET', path: '/orders/{id}', scope: 'orders:read' },
    { method: 'GET', path: '/orders/all', scope: 'orders:list' },
    { method: 'POST', path: '/orders', scope: 'orders:write' },
  ];

  test.each([
    ['GET', '/orders/7', 'orders:read'],
    ['GET', '/orders/all', 'orders:list'],
    ['POST', '/orders', 'orders:write'],
    ['GET', '/orders', null],
    ['GET', '/orders/', null],
    ['GET', '/orders/7/lines', null],
    ['DELETE', '/orders/7', null],
    ['GET', '/Orders/7', null],
  ])('%s %s takes %s', (method, path, scope) => {
    expect(scopeOf({ method, path }, declared)).toBe(scope);
  });
});
