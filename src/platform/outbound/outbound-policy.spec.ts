import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isHostPattern,
  isPathPattern,
  limitOf,
  objectionToAddress,
  objectionToUrl,
  type OutboundPolicy,
} from './outbound-policy.js';

const OPEN: OutboundPolicy = {
  zoneId: null,
  name: 'all',
  allowedHostPatterns: [],
  allowedPathPatterns: [],
  allowedPorts: [],
  allowedSchemes: [],
  blockPrivateIps: false,
  blockLoopbackIps: false,
  blockLocalhostNames: false,
  requestTimeoutSeconds: null,
  maxResponseBytes: null,
};

const allows = (policy: Partial<OutboundPolicy>, url: string): boolean =>
  objectionToUrl({ ...OPEN, ...policy }, new URL(url)) === null;

describe('a pattern of hosts', () => {
  test.each([
    ['hooks.example.com', 'https://hooks.example.com/', true],
    ['hooks.example.com', 'https://HOOKS.example.com./', true],
    ['hooks.example.com', 'https://hooks.example.com.evil.example/', false],
    ['hooks.example.com', 'https://a.hooks.example.com/', false],
    ['*.example.com', 'https://hooks.example.com/', true],
    ['*.example.com', 'https://a.b.example.com/', true],
    ['*.example.com', 'https://example.com/', false],
    ['*.example.com', 'https://evilexample.com/', false],
    ['192.0.2.1', 'https://192.0.2.1/', true],
    ['192.0.2.1', 'https://0xc0.0.2.1/', true],
    ['[2001:db8::1]', 'https://[2001:db8:0::1]/', true],
  ])('%s and %s: %s', (pattern, url, expected) => {
    expect(isHostPattern(pattern)).toBe(true);
    expect(allows({ allowedHostPatterns: [pattern] }, url)).toBe(expected);
  });

  test.each([
    '',
    '*',
    '*.',
    '*.*.example.com',
    'a.*.com',
    'Example.com',
    'example.com.',
    '.example.com',
    'example.com:443',
    'https://example.com',
    'exa mple.com',
    'ex\u0000.com',
    '*.192.0.2.1/',
    '[2001:db8:0::1]',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(127)}com`,
  ])('is not %j', (pattern) => {
    expect(isHostPattern(pattern)).toBe(false);
  });
});

describe('a pattern of paths', () => {
  test.each([
    ['/hooks', '/hooks', true],
    ['/hooks', '/hooks/', false],
    ['/hooks/*', '/hooks/a/b', true],
    ['/hooks/*', '/hooks/../admin', false],
    ['/hooks/*', '/hooks/%2e%2e/admin', false],
    ['/*/in', '/a/in', true],
    ['/*/in', '/in', false],
    ['/a*a', '/a', false],
    ['/a*a', '/aa', true],
    ['/a*b*c', '/a-c-b', false],
    ['/a*bc*c', '/abc', false],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(isPathPattern(pattern)).toBe(true);
    expect(allows({ allowedPathPatterns: [pattern] }, `https://a.example${path}`)).toBe(expected);
  });

  test('matches as the regular expression of the same meaning', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 12 });
    fc.assert(
      fc.property(
        text,
        fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 12 }),
        (p, q) => {
          const pattern = `/${p}`;
          const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
          const { pathname } = new URL(`https://a.example/${q}`);
          expect(allows({ allowedPathPatterns: [pattern] }, `https://a.example/${q}`)).toBe(
            expression.test(pathname),
          );
        },
      ),
    );
  });

  test.each(['', 'hooks', '/a b', '/a?b', '/a#b', `/${'a'.repeat(500)}`, `/${'*'.repeat(10)}`])(
    'is not %j',
    (pattern) => expect(isPathPattern(pattern)).toBe(false),
  );
});

test('names of this machine are known however they are written', () => {
  const policy = { blockLocalhostNames: true };
  for (const host of [
    'localhost',
    'LOCALHOST.',
    'a.localhost',
    'localhost.localdomain',
    'ip6-localhost',
  ]) {
    expect(allows(policy, `https://${host}/`)).toBe(false);
  }
  expect(allows(policy, 'https://localhost.example.com/')).toBe(true);
});

test('ports and schemes are those that a URL leads to', () => {
  expect(allows({ allowedPorts: [443] }, 'https://a.example/')).toBe(true);
  expect(allows({ allowedPorts: [443] }, 'http://a.example/')).toBe(false);
  expect(allows({ allowedPorts: [8443] }, 'https://a.example:8443/')).toBe(true);
  expect(allows({ allowedSchemes: ['https'] }, 'http://a.example/')).toBe(false);
});

test('addresses are told apart', () => {
  const blocked = (policy: Partial<OutboundPolicy>, address: string): boolean =>
    objectionToAddress({ ...OPEN, ...policy }, address) !== null;
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
    expect(blocked({ blockLoopbackIps: true }, address)).toBe(true);
    expect(blocked({ blockPrivateIps: true }, address)).toBe(false);
  }
  for (const address of ['10.1.2.3', '100.64.0.1', 'fd12::1', '64:ff9b::10.0.0.1']) {
    expect(blocked({ blockPrivateIps: true }, address)).toBe(true);
    expect(blocked({ blockLoopbackIps: true }, address)).toBe(false);
  }
  expect(blocked({ blockPrivateIps: true, blockLoopbackIps: true }, '192.0.2.1')).toBe(false);
});

test("a zone's policy never makes a limit larger", () => {
  const seconds = fc.option(fc.integer({ min: 1, max: 30 }));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), seconds, seconds, (usual, installation, zone) => {
      const policies: OutboundPolicy[] = [
        { ...OPEN, zoneId: 'a', requestTimeoutSeconds: zone },
        { ...OPEN, requestTimeoutSeconds: installation },
      ];
      const of = ({ requestTimeoutSeconds }: OutboundPolicy): number | null =>
        requestTimeoutSeconds;
      const without = limitOf(usual, policies.slice(1), of);
      expect(without).toBe(installation ?? usual);
      expect(limitOf(usual, policies, of)).toBe(Math.min(without, zone ?? without));
      expect(limitOf(usual, policies.slice(0, 1), of)).toBe(Math.min(usual, zone ?? usual));
    }),
  );
});
