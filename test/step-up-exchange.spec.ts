import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReplica, rows, type Replica } from './setup/harness.js';
import { createTestZone, type TestZone } from './setup/zone.js';

const POLICY = `@id("all") permit (principal, action == Action::"TokenExchange", resource);
@id("confirm") @step_up("approval")
forbid (principal, action == Action::"TokenExchange", resource)
when { context.requested_scopes.contains("a:write") };`;

describe('held requests', () => {
  let replica: Replica;
  let zone: TestZone;

  beforeAll(async () => {
    replica = await startReplica();
    zone = await createTestZone(replica);
    await zone.activate(POLICY);
  });
  afterAll(() => replica.stop());

  test('are answered with a challenge', async () => {
    const held = await zone.session({ scope: 'a:write' });
    expect(held).toMatchObject({
      status: 401,
      body: {
        error: 'interaction_required',
        challenge_type: 'approval',
        challenge_id: expect.any(String),
        challenge_secret: expect.stringMatching(/^[\w-]{43}$/),
        challenge_expires_at: expect.any(String),
        acr_values: 'approval',
      },
    });
    const id = String(held.body['challenge_id']);
    await rows(
      replica.databaseUrl,
      `UPDATE challenges SET decision = 'approved', decided_at = now(), acr = 'approval', amr = '{approval}', auth_time = now() WHERE id = $1`,
      [id],
    );
    const redeemed = await zone.session({
      scope: 'a:write',
      challenge_id: id,
      challenge_response: String(held.body['challenge_secret']),
    });
    expect(redeemed).toMatchObject({ status: 200 });
    const again = await zone.session({
      scope: 'a:write',
      challenge_id: id,
      challenge_response: String(held.body['challenge_secret']),
    });
    expect(again).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    console.log(JSON.stringify(await zone.audit(held.requestId), null, 1).slice(0, 3000));
  });
});
