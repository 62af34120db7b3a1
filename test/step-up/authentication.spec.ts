import { decodeJwt, type JWTPayload } from 'jose';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bindingOf, setType } from '../setup/approvals.js';
import { codeOf } from '../setup/authenticator-app.js';
import { APPROVE_WRITES, heldIn, type Held } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { fragmentOf } from '../setup/pages.js';
import { newProofSystem, reportProof, type ProofSystem } from '../setup/proof-systems.js';
import { newTrustedIssuer, type TestIssuer } from '../setup/trusted-issuers.js';
import {
  callAdmin,
  createTestZone,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const MFA_WRITES = APPROVE_WRITES.replace('"approval"', '"mfa"');

let replica: Replica;
let zone: TestZone;
let idp: TestIssuer;
let system: ProofSystem;

beforeAll(async () => {
  replica = await sharedReplica();
});
beforeEach(async () => {
  zone = await createTestZone(replica, APPROVE_WRITES);
  idp = await newTrustedIssuer(zone);
  system = await newProofSystem(zone);
});

const ago = (seconds: number) => Math.floor(Date.now() / 1_000) - seconds;

async function report(
  { id }: Held,
  sub: string,
  amr = ['face'],
  decision = 'approved',
): Promise<Answer> {
  const { request } = await zone.admin('GET', `/challenges/${id}`);
  const by = { sub, iss: idp.issuer };
  const body = { binding: bindingOf(request), by, amr, decision };
  return reportProof(zone, system, id, { body });
}

const operator = ({ id }: Held) =>
  callAdmin(replica, 'POST', `/zones/${zone.zoneId}/challenges/${id}/decision`, {
    decision: 'approved',
    reason: 'looks right',
  });

const claimsOf = ({ status, body }: Answer): JWTPayload => {
  expect({ status, body }).toMatchObject({ status: 200 });
  return decodeJwt(String(body['access_token']));
};

const contextIn = ({ acr, amr, auth_time }: JWTPayload) => ({ acr, amr, auth_time });

/** What a session remembers. */
const remembered = async ({ sid }: JWTPayload) => {
  const { acr, amr, auth_time } = await zone.admin('GET', `/sessions/${String(sid)}`);
  return { acr, amr, auth_time };
};

/** Terms by which the subject and one other have to confirm. */
const OF_TWO = {
  quorum: 2,
  satisfied_by: ['proof_system', 'operator'],
  subject_may_satisfy: true,
  acr: 'mfa',
};

const NOTHING = { acr: undefined, amr: undefined, auth_time: undefined };

/** That a request brought a challenge that is not good for it. */
async function expectUnusable({ status, body, requestId }: Answer, reason: string): Promise<void> {
  expect({ status, body }).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  expect(await zone.audit(requestId)).toMatchObject([{ outcome: 'denied', event: { reason } }]);
}

describe('mfa', () => {
  beforeEach(async () => {
    await zone.activate(MFA_WRITES);
  });

  test('of Alice is confirmed by Alice and not by Bob', async () => {
    const ask = await idp.user('alice');
    const held = heldIn(await ask({ scope: 'a:write' }));
    for (const decision of ['approved', 'rejected']) {
      const byBob = await report(held, 'bob', ['face'], decision);
      expect(byBob).toMatchObject({
        status: 403,
        body: { error_description: expect.stringMatching(/that of the subject itself/) },
      });
      expect(await zone.audit(byBob.requestId)).toMatchObject([
        {
          outcome: 'denied',
          event: {
            reason: 'subject',
            decided_by: `proof_system:${system.id}:${JSON.stringify([idp.issuer, 'bob'])}`,
          },
        },
      ]);
    }
    await expectUnusable(
      await ask({ scope: 'a:write', ...held.response }),
      'the challenge is pending',
    );
    expect((await report(held, 'alice')).status).toBe(204);
    const claims = claimsOf(await ask({ scope: 'a:write', ...held.response }));
    expect(claims).toMatchObject({ sub: 'alice', acr: 'mfa', amr: ['face'] });
    expect(await remembered(claims)).toMatchObject({ acr: 'mfa', amr: ['face'] });
  });

  test('that is wanted anew is not what was shown for an earlier request', async () => {
    const ask = await idp.user('alice');
    const wanted = { scope: 'a:read', max_age: '0' };
    const [first, twin] = [heldIn(await ask(wanted)), heldIn(await ask(wanted))];
    expect(twin.id).toBe(first.id);
    expect((await report(first, 'alice')).status).toBe(204);
    const later = heldIn(await ask(wanted));
    expect(later.id).not.toBe(first.id);
    await expectUnusable(await ask({ ...wanted, ...later.response }), 'the challenge is pending');
    expect(claimsOf(await ask({ ...wanted, ...first.response }))).toMatchObject({ acr: 'mfa' });
  });

  test('that two have to confirm is the proof of Alice, with the approval of one other', async () => {
    await setType(zone, OF_TWO, 'mfa');
    const ask = await idp.user('alice', { amr: ['pwd'], auth_time: ago(500) });
    const held = heldIn(await ask({ scope: 'a:write' }));
    expect((await report(held, 'bob', ['iris'])).status).toBe(204);
    expect((await operator(held)).status).toBe(403);
    expect((await report(held, 'carol')).status).toBe(403);
    const before = ago(0);
    expect((await report(held, 'alice')).status).toBe(204);
    const claims = claimsOf(await ask({ scope: 'a:write', ...held.response }));
    expect(claims).toMatchObject({ acr: 'mfa', amr: ['pwd', 'face'] });
    expect(Number(claims['auth_time'])).toBeGreaterThanOrEqual(before);
    expect(await remembered(claims)).toMatchObject({ amr: ['pwd', 'face'] });
  });

  test('is authentication at the moment of the proof, not of the last approval', async () => {
    await setType(zone, OF_TWO, 'mfa');
    const ask = await idp.user('alice');
    const held = heldIn(await ask({ scope: 'a:write' }));
    expect((await report(held, 'alice')).status).toBe(204);
    await rows(
      replica.databaseUrl,
      `UPDATE challenge_decisions SET decided_at = to_timestamp($2) WHERE challenge_id = $1`,
      [held.id, ago(120)],
    );
    expect((await operator(held)).status).toBe(200);
    const claims = claimsOf(await ask({ scope: 'a:write', ...held.response }));
    expect(Math.abs(Number(claims['auth_time']) - ago(120))).toBeLessThan(60);
  });

  test('is what others approve only in a zone that says so, and then no authentication', async () => {
    await setType(zone, { satisfied_by: ['operator'], acr: 'mfa', reuse_seconds: 600 }, 'mfa');
    const held = heldIn(await zone.session({ scope: 'a:write' }));
    expect((await operator(held)).status).toBe(200);
    const session = await zone.session({ scope: 'a:write', ...held.response });
    const claims = claimsOf(session);
    expect(contextIn(claims)).toEqual({});
    expect(await remembered(claims)).toEqual(NOTHING);
    // It was for this one request, however long the zone says.
    heldIn(
      await zone.exchange({
        subject_token: String(session.body['access_token']),
        scope: 'a:write',
      }),
    );
  });

  test('is known by the version before from whoever approved: not here', async () => {
    const ask = await idp.user('alice');
    const held = heldIn(await ask({ scope: 'a:write' }));
    const approveAsBefore = (decidedBy: string, method: string) =>
      rows(
        replica.databaseUrl,
        `WITH stored AS (
           INSERT INTO challenge_decisions (zone_id, challenge_id, decided_by, method, decision, reason)
           VALUES ($1, $2, $3, $4, 'approved', 'x'))
         UPDATE challenges SET decision = 'approved', decided_at = now(), approvals = 1, acr = 'mfa', amr = '{face}',
                               auth_time = now()
          WHERE id = $2`,
        [zone.zoneId, held.id, decidedBy, method],
      );
    const named = (sub: string) => JSON.stringify([idp.issuer, sub]);
    await approveAsBefore(`proof_system:${system.id}:${named('bob')}`, 'proof_system');
    await expectUnusable(
      await ask({ scope: 'a:write', ...held.response }),
      'the challenge lacks approvals',
    );
    await rows(replica.databaseUrl, 'DELETE FROM challenge_decisions WHERE challenge_id = $1', [
      held.id,
    ]);
    await approveAsBefore(`subject:${named('alice')}`, 'totp');
    const claims = claimsOf(await ask({ scope: 'a:write', ...held.response }));
    expect(claims).toMatchObject({ acr: 'mfa', amr: ['face'], auth_time: expect.any(Number) });
  });
});

describe('an approval of another', () => {
  test('says nothing of how the subject was authenticated', async () => {
    const authTime = ago(100);
    const known = { acr: 'urn:gold', amr: ['pwd'], auth_time: authTime };
    const ask = await idp.user('alice', known);
    const session = claimsOf(await ask());
    for (const approve of [operator, (held: Held) => report(held, 'bob')]) {
      const request = { scope: 'a:write', session_id: String(session['sid']) };
      const held = heldIn(await ask(request));
      expect((await approve(held)).status).toBeLessThan(300);
      const granted = await ask({ ...request, ...held.response });
      expect(claimsOf(granted)).toMatchObject(known);
      expect(await zone.audit(granted.requestId)).toMatchObject([
        { outcome: 'issued', event: { challenge: { id: held.id } } },
      ]);
    }
    expect(await remembered(session)).toMatchObject({ acr: 'urn:gold', amr: ['pwd'] });
  });

  test('is not remembered, also not by what is exchanged', async () => {
    await setType(zone, { reuse_seconds: 600 });
    const held = heldIn(await zone.session({ scope: 'a:read a:write' }));
    expect((await operator(held)).status).toBe(200);
    const session = await zone.session({ scope: 'a:read a:write', ...held.response });
    const claims = claimsOf(session);
    expect(contextIn(claims)).toEqual({});
    expect(await remembered(claims)).toEqual(NOTHING);
    const subject_token = String(session.body['access_token']);
    heldIn(await zone.exchange({ subject_token, scope: 'a:write' }));
    const read = await zone.exchange({ subject_token, scope: 'a:read' });
    expect(contextIn(claimsOf(read))).toEqual({});
    const [{ event } = { event: {} }] = await zone.audit(read.requestId);
    expect(JSON.stringify(event)).not.toMatch(/"acr"|"amr"|"auth_time"/);
  });

  test('is not one of terms that the type had before', async () => {
    await setType(zone, {});
    const before = heldIn(await zone.session({ scope: 'a:write' }));
    await setType(zone, { quorum: 2 });
    const after = heldIn(await zone.session({ scope: 'a:write' }));
    expect(after.id).not.toBe(before.id);
    expect((await operator(before)).status).toBe(200);
    expect((await operator(after)).status).toBe(200);
    claimsOf(await zone.session({ scope: 'a:write', ...before.response }));
    await expectUnusable(
      await zone.session({ scope: 'a:write', ...after.response }),
      'the challenge is pending',
    );
  });

  test.each<[string, Parameters, number, string]>([
    ['max_age', { max_age: '300', scope: 'a:read' }, 400, 'max_age cannot be met here'],
    ['max_age of 0', { max_age: '0', scope: 'a:read' }, 400, 'max_age cannot be met here'],
    [
      'acr_values',
      { acr_values: 'approval', scope: 'a:read' },
      400,
      'none of the acr_values can be met here',
    ],
    [
      'max_age beside a demand of policy',
      { max_age: '300', scope: 'a:write' },
      403,
      'policy does not permit this exchange',
    ],
    [
      'acr_values beside a demand of policy',
      { acr_values: 'approval', scope: 'a:write' },
      403,
      'policy does not permit this exchange',
    ],
  ])('meets no %s, so none is asked for', async (_what, wanted, status, description) => {
    await setType(zone, { satisfied_by: ['operator'], acr: 'mfa' }, 'mfa');
    await setType(zone, { acr: 'approval' });
    const answer = await zone.session(wanted);
    expect(answer).toMatchObject({ status, body: { error_description: description } });
    expect(await zone.audit(answer.requestId)).toMatchObject([{ outcome: 'denied' }]);
    const pending = await zone.admin('GET', '/challenges');
    expect(pending['items']).toEqual([]);
  });

  test('leaves max_age to what the subject has shown, as long as that is fresh', async () => {
    await zone.activate(APPROVE_WRITES.replace('when {', 'when { context has subject_claims &&'));
    const session = await zone.session({ scope: 'a:read a:write' });
    const subject_token = String(session.body['access_token']);
    const exchange = (parameters: Parameters) =>
      zone.exchange({ subject_token, max_age: '300', ...parameters });
    const { secret } = await zone.admin('POST', '/authenticators', {
      subject: zone.clientId,
      kind: 'totp',
    });
    const own = heldIn(await exchange({ scope: 'a:read' }));
    expect((await operator(own)).status).toBe(403);
    const link = fragmentOf(own.confirmUri);
    const form = new URLSearchParams({
      link,
      code: codeOf(String(secret)),
      decision: 'approved',
    });
    const page = await fetch(`${replica.url}/step-up/${own.id}/confirm`, {
      method: 'POST',
      body: form,
    });
    expect(page.status).toBe(200);
    expect(claimsOf(await exchange({ scope: 'a:read', ...own.response }))).toMatchObject({
      acr: 'mfa',
      amr: ['otp'],
    });

    const held = heldIn(await exchange({ scope: 'a:write' }));
    expect((await operator(held)).status).toBe(200);
    const authenticatedAt = (seconds: number) =>
      rows(
        replica.databaseUrl,
        'UPDATE sessions SET auth_time = to_timestamp($2) WHERE zone_id = $1',
        [zone.zoneId, seconds],
      );
    await authenticatedAt(ago(400));
    await expectUnusable(
      await exchange({ scope: 'a:write', ...held.response }),
      'the subject has not shown what the request wants',
    );
    await authenticatedAt(ago(100));
    const granted = claimsOf(await exchange({ scope: 'a:write', ...held.response }));
    expect(granted).toMatchObject({ acr: 'mfa', amr: ['otp'] });
    expect(Math.abs(Number(granted['auth_time']) - ago(100))).toBeLessThan(60);
  });
});

describe('a request for fresh authentication', () => {
  test('that policy wants approved as well takes the proof of the subject itself', async () => {
    await setType(zone, { subject_may_satisfy: true, acr: 'shown' });
    const ask = await idp.user('alice');
    const held = heldIn(await ask({ scope: 'a:write', max_age: '300' }));
    expect((await report(held, 'bob')).status).toBe(403);
    expect((await operator(held)).status).toBe(403);
    expect((await report(held, 'alice')).status).toBe(204);
    const granted = await ask({ scope: 'a:write', max_age: '300', ...held.response });
    expect(claimsOf(granted)).toMatchObject({ acr: 'shown', amr: ['face'] });
    // Without it, anyone will do whom the type lets.
    const other = heldIn(await ask({ scope: 'a:write' }));
    expect((await report(other, 'bob')).status).toBe(204);
    expect(contextIn(claimsOf(await ask({ scope: 'a:write', ...other.response })))).toEqual({});
  });

  test('tells what acr a confirmation would lead to, if it leads to any', async () => {
    expect((await zone.session({ scope: 'a:write' })).body).not.toHaveProperty('acr_values');
    expect((await zone.session({ max_age: '0' })).body).toMatchObject({ acr_values: 'mfa' });
  });
});

test('a type says who has to confirm, and a zone can say that of any type', async () => {
  const own = { satisfied_by: ['proof_system'], subject_may_satisfy: true, acr: 'own' };
  expect(await setType(zone, own)).toMatchObject({ subject_must_satisfy: false });
  expect(await setType(zone, own, 'mfa')).toMatchObject({ subject_must_satisfy: true });
  const must = { ...own, subject_must_satisfy: true };
  expect(await setType(zone, must)).toMatchObject({ subject_must_satisfy: true });
  const ask = await idp.user('alice');
  const held = heldIn(await ask({ scope: 'a:write' }));
  expect((await report(held, 'bob')).status).toBe(403);
  expect((await report(held, 'alice')).status).toBe(204);
  const { items } = await zone.admin('GET', '/step-up-types');
  expect(items).toMatchObject([
    { type: 'approval', subject_must_satisfy: true },
    { type: 'mfa', subject_must_satisfy: true },
  ]);
});
