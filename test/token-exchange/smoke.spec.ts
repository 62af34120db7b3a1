import { expect, test } from 'vitest';
import { sharedReplica } from '../setup/harness.js';
import { createTestZone } from '../setup/zone.js';

test('a session mandate is exchanged for a resource mandate', async () => {
  const zone = await createTestZone(await sharedReplica());
  const session = await zone.session();
  expect(session.body).toMatchObject({ expires_in: 900, scope: 'a:read' });
  const mandate = await zone.exchange();
  expect(mandate.status).toBe(200);
  expect(await zone.audit(mandate.requestId)).toMatchObject([{ outcome: 'issued' }]);
});
