import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { KnownBearers } from '../../platform/http/overload/known-bearers.js';
import { OperatorAuthentication } from './operator-authentication.service.js';
import type { Administration } from './operator-directory.service.js';

/** Of a process without `ADMIN_TOKEN`, in whose database nobody has a key. */
function authentication(administration: Administration | null): OperatorAuthentication {
  const directory = { administration, hasKeys: false, find: () => null };
  return new OperatorAuthentication(
    { adminTokens: [] },
    directory as never,
    null as never,
    null as never,
    new KnownBearers(),
    null as never,
  );
}

const bearing = { headers: { authorization: 'Bearer some-key' } } as IncomingMessage;

test('as long as it is not known who may administer, nobody is told that nobody may', async () => {
  const unknown = authentication(null);
  expect(unknown.isPossible).toBe(true);
  await expect(unknown.authenticate(bearing)).rejects.toMatchObject({
    code: 'temporarily_unavailable',
  });
  const nobody = authentication({ adminTokenClosed: false, controlZoneId: null });
  expect(nobody.isPossible).toBe(false);
  expect(await nobody.authenticate(bearing)).toBeNull();
});
