import type { EntityManager } from 'typeorm';
import { expect, test } from 'vitest';
import { admitInTurn } from './admission.js';
import type { Bearer } from './session-bearers.service.js';

const NOW = 1_800_000_000;

/** A transaction in which the database says that everything a bearer rests on is there. */
const tx = {
  query: async () => [
    {
      version: '1',
      published: true,
      enabled: true,
      alive: true,
      revoked: false,
      taken: null,
      now: NOW,
    },
  ],
} as unknown as EntityManager;

function bearerUntil(exp: number): Bearer {
  const claims = {
    clientId: 'c',
    sub: 'c',
    subType: 'application',
    sid: 's',
    rootSid: 's',
    jti: 'j',
    exp,
    target: [],
    generations: { zone: 0, client: 0, subject: 0, issuer: 0, actors: [], resources: [], via: {} },
    policies: [],
  };
  return { zone: { zoneId: 'z', version: '1' }, claims, kid: 'k' } as unknown as Bearer;
}

test('a bearer that has expired while it waited for its turn is refused', async () => {
  expect(await admitInTurn(bearerUntil(NOW + 1), tx)).toBe(NOW);
  await expect(admitInTurn(bearerUntil(NOW), tx)).rejects.toMatchObject({
    code: 'invalid_token',
    detail: 'bearer: expired',
  });
});
