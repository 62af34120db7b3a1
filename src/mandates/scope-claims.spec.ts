import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  claimsOf,
  isScopeClaim,
  isSmallEnough,
  pickClaims,
  scopeClaimsIn,
} from './scope-claims.js';

test.each(['email', 'name', 'https://example.com/role', 'urn:x:y', 'x'.repeat(200), 'constructor'])(
  'a scope may let in %s',
  (name) => {
    expect(isScopeClaim(name)).toBe(true);
  },
);

test.each([
  // Of the token itself (RFC 7519 4.1, RFC 8693 4, RFC 9068 2.2, RFC 7800 3.1, RFC 9396 9.1).
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'act',
  'may_act',
  'cnf',
  'scope',
  'client_id',
  'authorization_details',
  'acr',
  'amr',
  'auth_time',
  'nonce',
  'sid',
  'events',
  // Of tokens for constrained devices (RFC 9200 5.10), and of how often one may be used.
  'exi',
  'cnonce',
  'ace_profile',
  'at_use_nbr',
  // Of mandates alone (docs/exchange.md).
  'zone_id',
  'root_sid',
  'use',
  'sub_type',
  'sub_iss',
  'sub_labels',
  'target',
  'ancestors',
  'gen',
  'pol',
  'status',
  'agent_session_id',
  'delegation_edge_id',
  'delegation_chain',
  'delegation_path',
  'delegation_graph_epoch',
  'hop_count',
  'source_session_id',
  'target_session_id',
  'delegation_of_tomorrow',
  // Of answers of introspection (RFC 7662 2.2), and claims that are elsewhere.
  'active',
  'token_type',
  'username',
  'revocation',
  '_claim_names',
  '_claim_sources',
  // No names.
  '',
  '/realm/roles',
  'two words',
  'a"b',
  'a\\b',
  'é',
  '__proto__',
  'a\0',
  'x'.repeat(201),
])('no scope lets in %j', (name) => {
  expect(isScopeClaim(name)).toBe(false);
});

test('what is let in is of the names that the scopes list, whatever a token says beside', () => {
  const claims = { email: 'e', groups: ['a'], sub: 's', phone: null, role: 'r' };
  const byScope = { a: ['email', 'sub', 'phone', 'absent'], b: ['email', 'groups'], c: ['role'] };
  const letIn = pickClaims(claims, claimsOf(['a', 'b', 'toString'], byScope));
  expect(letIn).toEqual({ email: 'e', groups: ['a'] });
});

const names: fc.Arbitrary<string> = fc.constantFrom(
  'email',
  'name',
  'groups',
  'sub',
  'exp',
  'zone_id',
  'x:y',
);
const scopes = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'));
const byScope = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.array(names, { maxLength: 4 }));

test('each exchange lets in what the one before did, or less, whatever scopes say by then', () => {
  const claims = fc.dictionary(names, fc.jsonValue());
  const steps = fc.array(fc.tuple(scopes, byScope), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(claims, steps, (said, chain) => {
      let raw: Readonly<Record<string, unknown>> = said;
      for (const [granted, listed] of chain) {
        const next = pickClaims(raw, claimsOf(granted, listed));
        for (const [name, value] of Object.entries(next)) {
          expect(raw[name]).toEqual(value);
          expect(granted.some((scope) => listed[scope]?.includes(name))).toBe(true);
        }
        // What stands beside it in the mandate is none of these.
        raw = { ...next, iss: 'x', sub: 'y', zone_id: 'z', gen: {} };
        expect(scopeClaimsIn(raw)).toEqual(next);
      }
    }),
  );
});

test('there is a limit to what is let in', () => {
  expect(isSmallEnough({ a: 'x'.repeat(4_088) })).toBe(true);
  expect(isSmallEnough({ a: 'x'.repeat(4_089) })).toBe(false);
});
