import { describe, expect, test } from 'vitest';
import type { HeldRequest } from './challenge.js';
import { clientsNamedIn, intermediariesIn, summaryOf } from './describe-challenge.js';

const [SERVICE, CALLER, FIRST] = [1, 2, 3].map(
  (n) => `0190f4c8-0000-7000-8000-00000000000${n}`,
) as [string, string, string];

const names = new Map([
  [SERVICE, 'orders'],
  [CALLER, 'shop'],
]);

const request = (changed: Partial<HeldRequest> = {}): HeldRequest => ({
  zone_id: 'z',
  type: 'approval',
  demanded_for: [],
  policy_set_version_id: 'p',
  client_id: SERVICE,
  subject: { sub: 'alice', type: 'user', iss: 'https://idp' },
  use: 'resource',
  resources: ['resource://a'],
  scopes: ['a:write'],
  max_lifetime_seconds: 900,
  ...changed,
});

const client = (id: string) => ({ sub: id, client_id: id, sub_type: 'application' });

describe('those through whom a request came', () => {
  test('are the client that the subject has called, and the actors in their order, each once', () => {
    const between = intermediariesIn(
      request({
        subject_client_id: CALLER,
        act: { ...client(SERVICE), act: { sub: 'bob', sub_type: 'user', act: client(FIRST) } },
      }),
    );
    expect(between).toEqual([
      { name: CALLER, isClient: true },
      { name: FIRST, isClient: true },
      { name: 'bob', isClient: false },
    ]);
  });

  test('are none where the application asks for itself, or the subject has called it itself', () => {
    const own = { sub: CALLER, type: 'application' } as const;
    expect(intermediariesIn(request())).toEqual([]);
    expect(intermediariesIn(request({ act: client(SERVICE) }))).toEqual([]);
    expect(intermediariesIn(request({ subject: own, subject_client_id: CALLER }))).toEqual([]);
  });

  test('are named where the request is put in words', () => {
    const asked = request({ subject_client_id: CALLER, act: client(FIRST) });
    expect(clientsNamedIn({ request: asked })).toEqual([SERVICE, CALLER, FIRST]);
    expect(summaryOf(asked, names)).toBe(
      `application "orders" (${SERVICE}) asks for a:write on resource://a, for at most 15 minutes, ` +
        `on behalf of alice of https://idp, through application "shop" (${CALLER}), through application ${FIRST}`,
    );
  });

  test('may have names that are no ids of clients', () => {
    const asked = request({ act: { sub: "x' OR 1" } });
    expect(clientsNamedIn({ request: asked })).toEqual([SERVICE]);
  });
});
