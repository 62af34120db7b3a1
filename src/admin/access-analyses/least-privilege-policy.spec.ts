import { expect, test } from 'vitest';
import { validate } from '../../policy/engine/validate.js';
import { zoneSchema } from '../../policy/engine/zone-schema.js';
import { leastPrivilegePolicy, type UnusedAccess } from './least-privilege-policy.js';

const CLIENT = '0192f0c1-0000-7000-8000-00000000000a';
const UNUSED: readonly UnusedAccess[] = [
  { clientId: null, resource: 'https://old.example', scopes: null },
  { clientId: null, resource: 'https://orders.example', scopes: ['b', 'a'] },
  { clientId: CLIENT, resource: 'https://orders.example', scopes: ['c'] },
];

test('forbids what is not used, and nothing else', () => {
  const policy = leastPrivilegePolicy(UNUSED, []);
  expect(policy).toMatchObject({ statements: 3, leftOut: 0 });
  const id = () => expect.stringMatching(/^least-privilege:[0-9a-f]{16}$/) as string;
  const { content = '' } = policy ?? {};
  expect([...content.matchAll(/@id\("([^"]*)"\)/g)].map(([, name]) => name)).toEqual([
    id(),
    id(),
    id(),
  ]);
  expect(content.replaceAll(/@id.*\n@reason.*\n/g, '')).toBe(`forbid (
  principal,
  action == Action::"TokenExchange",
  resource == Resource::"https://old.example"
);

forbid (
  principal,
  action == Action::"TokenExchange",
  resource == Resource::"https://orders.example"
) when {
  context.requested_scopes.containsAny(["b", "a"])
};

forbid (
  principal == Application::"${CLIENT}",
  action == Action::"TokenExchange",
  resource == Resource::"https://orders.example"
) when {
  context.requested_scopes.containsAny(["c"])
};
`);
});

test.each([
  'https://a.example/"];permit(principal,action,resource);//',
  'urn:\\u{41}',
  'urn:\u0001\u200b\u{e0001}',
  'urn:é?*',
])('says a resource as it is: %j', (resource) => {
  const { content = '' } =
    leastPrivilegePolicy([{ clientId: null, resource, scopes: ['*', "a'b"] }], []) ?? {};
  const { errors } = validate([{ id: 'least-privilege', content }], zoneSchema());
  expect(errors).toEqual([]);
  expect(content.match(/forbid|permit/g)?.[0]).toBe('forbid');
});

test('calls the same the same, in whatever order its scopes are, and does not say it again', () => {
  const first = leastPrivilegePolicy(UNUSED, []);
  const active = [{ id: 'before', content: first?.content ?? '' }];
  expect(leastPrivilegePolicy(UNUSED, active)).toBeNull();
  const turned = UNUSED.map((each) => ({ ...each, scopes: each.scopes?.toReversed() ?? null }));
  expect(leastPrivilegePolicy(turned, active)).toBeNull();
  const more = [...UNUSED, { clientId: CLIENT, resource: 'urn:x', scopes: null }];
  expect(leastPrivilegePolicy(more, active)).toMatchObject({ statements: 1 });
});

test('says how much did not fit', () => {
  const many = Array.from({ length: 1_500 }, (_, n) => ({
    clientId: null,
    resource: `urn:${n}`,
    scopes: null,
  }));
  const { statements = 0, leftOut = 0, content = '' } = leastPrivilegePolicy(many, []) ?? {};
  expect(statements + leftOut).toBe(1_500);
  expect(leftOut).toBeGreaterThan(0);
  expect(Buffer.byteLength(content)).toBeLessThan(256 * 1_024);
});
