import { UnauthorizedException } from '@nestjs/common';
import type { Request, Response } from 'express';
import { expect, test } from 'vitest';
import { ArrivingBodies } from '../platform/http/overload/arriving-bodies.js';
import { putInFlight } from '../platform/http/overload/in-flight.js';
import { Overloaded } from '../platform/http/overload/overloaded.js';
import { Places } from '../platform/http/overload/places.js';
import { AdminGuard } from './admin.guard.js';
import type { OperatorAuthentication } from './operators/operator-authentication.service.js';

const OWNER = {
  id: null,
  name: 'owner',
  role: 'owner',
  permissions: new Set(),
  zones: null,
} as const;
const operators = {
  isPossible: true,
  authenticate: async ({ headers }: Request) =>
    headers.authorization === 'Bearer key' ? OWNER : null,
};
const guard = new AdminGuard(operators as unknown as OperatorAuthentication, null as never);
const response = { setHeader: () => response } as unknown as Response;

/** Has requests about a zone admitted, all of one address. @returns why one was not, or `null` */
function asker(places: Places) {
  return async (zone: string, key = 'key'): Promise<unknown> => {
    const place = places.place(['address', 'a']);
    const full = place.take();
    if (full !== null) return full;
    const headers = { authorization: `Bearer ${key}` };
    const request = { headers, originalUrl: `/internal/zones/${zone}/issuers?limit=1` };
    const bodies = new ArrivingBodies({ bodies: 1, bytes: 1 });
    putInFlight(request as unknown as Request, {
      place,
      withinMs: 1_800,
      bodies,
      count: () => {},
      closeAfterAnswer: () => {},
    });
    try {
      await guard.admit(request as unknown as Request, response);
      return null;
    } catch (error) {
      return error;
    }
  };
}

test('what operators ask for counts for its zone, and leaves room for other zones', async () => {
  const ask = asker(new Places(8, 1_800));
  for (let nth = 0; nth < 4; nth += 1) expect(await ask('one')).toBeNull();
  expect(await ask('one')).toMatchObject({ because: 'zone' });
  expect(await ask('one')).toBeInstanceOf(Overloaded);
  expect(await ask('two')).toBeNull();
});

test('what bears no key counts for its address, whatever zones it names', async () => {
  const places = new Places(8, 1_800);
  const ask = asker(places);
  for (const zone of ['1', '2', '3', '4']) {
    expect(await ask(zone, 'guessed')).toBeInstanceOf(UnauthorizedException);
  }
  expect(await ask('5', 'guessed')).toBe('address');
  expect(places.inFlight).toBe(4);
});
