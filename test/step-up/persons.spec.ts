import { randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { approveAs, openDesk, setType } from '../setup/approvals.js';
import { codeOf } from '../setup/authenticator-app.js';
import { APPROVE_WRITES, heldIn, type Held } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { fragmentOf } from '../setup/pages.js';
import { newProofSystem, reportProof, type ProofSystem } from '../setup/proof-systems.js';
import { newTrustedIssuer, type TestIssuer } from '../setup/trusted-issuers.js';
import {
  callAdmin,
  createTestZone,
  requestIdIn,
  type Answer,
  type TestZone,
} from '../setup/zone.js';

/** NFC and NFD of one name. */
const [COMPOSED, DECOMPOSED] = ['jos\u00E9', 'jose\u0301'];

let a: Replica;
let b: Replica;
let zone: TestZone;
let idp: TestIssuer;
let systems: [ProofSystem, ProofSystem];
/** Alice of the issuer asks for what has to be confirmed. */
let ask: Awaited<ReturnType<TestIssuer['user']>>;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
});
beforeEach(async () => {
  zone = await createTestZone(a, APPROVE_WRITES);
  await openDesk(zone);
  idp = await newTrustedIssuer(zone);
  systems = [await newProofSystem(zone), await newProofSystem(zone)];
  ask = await idp.user('alice');
  await setType(zone, {
    quorum: 2,
    satisfied_by: ['operator', 'approver', 'proof_system', 'totp'],
  });
});

/** A request of Alice that is held. */
const held = async (): Promise<Held> => heldIn(await ask({ scope: 'a:write' }));

/** A request of the client for itself that is held: its subject is a name of ours. */
const heldForItself = async (): Promise<Held> => heldIn(await zone.session({ scope: 'a:write' }));

const shown = (id: string) => zone.admin('GET', `/challenges/${id}`);

async function report(
  system: ProofSystem,
  id: string,
  by: unknown,
  { url = a.url, ...body }: { url?: string; decision?: string } = {},
): Promise<Answer> {
  const { binding } = await shown(id);
  return reportProof(zone, system, id, { body: { binding, by, ...body }, url });
}

const operator = (id: string, decision = 'approved') =>
  callAdmin(a, 'POST', `/zones/${zone.zoneId}/challenges/${id}/decision`, {
    decision,
    reason: 'looks right',
  });

async function confirm(
  { id, confirmUri }: Held,
  code: string,
): Promise<{ status: number; requestId: string }> {
  const link = fragmentOf(confirmUri);
  const body = new URLSearchParams({ link, code, decision: 'approved' });
  const response = await fetch(`${a.url}/step-up/${id}/confirm`, { method: 'POST', body });
  await response.text();
  return { status: response.status, requestId: requestIdIn(response.headers) };
}

/** That a decision did not count, that the audit log says why, and that the challenge is as it was. */
async function expectRefused(
  { requestId, status }: { requestId: string; status: number },
  id: string,
  expected: { status: number; reason: string; approvals: number },
): Promise<void> {
  expect(status).toBe(expected.status);
  expect(await zone.audit(requestId)).toMatchObject([
    {
      outcome: 'denied',
      event: { type: 'challenge.decided', challenge: { id }, reason: expected.reason },
    },
  ]);
  expect(await shown(id)).toMatchObject({ state: 'pending', approvals: expected.approvals });
}

const said = { status: 409, reason: 'said', approvals: 1 };

describe('a quorum counts persons', () => {
  test('of whom it records and shows who they are', async () => {
    const { id } = await held();
    const bob = await report(systems[0], id, { sub: 'bob', iss: idp.issuer });
    expect(bob.status).toBe(204);
    expect(await zone.audit(bob.requestId)).toMatchObject([
      { event: { person: { sub: 'bob', iss: idp.issuer }, approvals: 1, settled: null } },
    ]);
    const byOperator = await operator(id);
    expect(byOperator.body).toMatchObject({
      state: 'approved',
      approvals: 2,
      decisions: [
        { method: 'proof_system', person: { sub: 'bob', iss: idp.issuer } },
        { method: 'operator', decided_by: 'operator:admin key' },
      ],
    });
  });

  test('once, through whichever proof system', async () => {
    const { id } = await held();
    const bob = { sub: 'bob', iss: idp.issuer };
    expect((await report(systems[0], id, bob)).status).toBe(204);
    const again = await report(systems[1], id, bob);
    await expectRefused(again, id, said);
    expect(await zone.audit(again.requestId)).toMatchObject([{ event: { person: bob } }]);
    // Nor can what was approved be taken back by the other way.
    const rejected = await report(systems[1], id, bob, { decision: 'rejected' });
    await expectRefused(rejected, id, said);
    expect((await report(systems[1], id, { sub: 'carol', iss: idp.issuer })).status).toBe(204);
    expect(await shown(id)).toMatchObject({ state: 'approved', approvals: 2 });
  });

  test('once, by a code and by a proof system', async () => {
    await setType(zone, {
      quorum: 2,
      satisfied_by: ['proof_system', 'totp'],
      subject_may_satisfy: true,
    });
    const made = await zone.admin('POST', '/authenticators', {
      subject: 'alice',
      issuer: idp.issuer,
      kind: 'totp',
    });
    const alice = { sub: 'alice', iss: idp.issuer };
    const first = await held();
    const byCode = await confirm(first, codeOf(String(made['secret'])));
    expect(byCode.status).toBe(200);
    expect(await zone.audit(byCode.requestId)).toMatchObject([{ event: { person: alice } }]);
    await expectRefused(await report(systems[0], first.id, alice), first.id, said);

    const second = heldIn(await ask({ scope: 'a:write', ttl_seconds: '61' }));
    expect((await report(systems[0], second.id, alice)).status).toBe(204);
    const again = await confirm(second, codeOf(String(made['secret']), 1));
    await expectRefused(again, second.id, said);
  });

  test('once, as an approver and by a proof system', async () => {
    const approver = await applicationOf(zone);
    const { id } = await heldForItself();
    expect((await approveAs(approver, id)).status).toBe(200);
    await expectRefused(await report(systems[0], id, { sub: approver.clientId }), id, said);
    const named = { sub: approver.clientId, iss: zone.issuer };
    await expectRefused(await report(systems[1], id, named), id, said);
    expect((await operator(id)).body).toMatchObject({ state: 'approved' });
  });

  test('all operators as one', async () => {
    const { id } = await held();
    expect((await operator(id)).status).toBe(200);
    await expectRefused(await operator(id), id, said);
  });

  test('once, whoever is asked on two replicas at once', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { id } = heldIn(await ask({ scope: 'a:write', ttl_seconds: String(60 + round) }));
      const { binding } = await shown(id);
      const by = { sub: 'bob', iss: idp.issuer };
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          reportProof(zone, systems[i % 2 === 0 ? 0 : 1], id, {
            body: { binding, by },
            url: (i % 4 < 2 ? a : b).url,
          }),
        ),
      );
      const counted = answers.filter(({ status }) => status === 204);
      expect(answers.filter(({ status }) => ![204, 409, 503].includes(status))).toEqual([]);
      // A machine that is busy may not have said so to the one who was counted.
      if (answers.every(({ status }) => status !== 503)) expect(counted).toHaveLength(1);
      expect(Number((await shown(id))['approvals'])).toBeLessThanOrEqual(1);
    }
  });

  test.each([
    ['case', 'bob', 'BOB'],
    ['Unicode form', COMPOSED, DECOMPOSED],
    ['width', 'bob', 'ｂｏｂ'],
  ])('and not spellings: another %s is refused', async (_what, name, spelling) => {
    const { id } = await held();
    expect((await report(systems[0], id, { sub: name, iss: idp.issuer })).status).toBe(204);
    const other = await report(systems[1], id, { sub: spelling, iss: idp.issuer });
    await expectRefused(other, id, { status: 409, reason: 'alike', approvals: 1 });
    expect(other.body['error_description']).toMatch(/another spelling/);
  });

  test('and not issuers: a name of ours that is one of an issuer, too, is refused', async () => {
    const { id } = await heldForItself();
    expect((await report(systems[0], id, { sub: 'bob', iss: idp.issuer })).status).toBe(204);
    const alike = { status: 409, reason: 'alike', approvals: 1 };
    await expectRefused(await report(systems[1], id, { sub: 'bob' }), id, alike);
    // Two issuers name two persons.
    const other = await newTrustedIssuer(zone);
    expect((await report(systems[1], id, { sub: 'bob', iss: other.issuer })).status).toBe(204);
  });
});

describe('a person is named with the issuer', () => {
  test('where the subject has one: a name without is refused, that of the subject as well', async () => {
    const { id } = await held();
    for (const sub of ['bob', 'alice']) {
      const refused = await report(systems[0], id, { sub });
      await expectRefused(refused, id, { status: 400, reason: 'no_issuer', approvals: 0 });
      expect(refused.body).toMatchObject({
        error: 'invalid_request',
        error_description: expect.stringMatching(/by needs iss/),
      });
    }
    const alice = await report(systems[0], id, { sub: 'alice', iss: idp.issuer });
    await expectRefused(alice, id, { status: 403, reason: 'party', approvals: 0 });
    for (const by of [
      { sub: 'ALICE', iss: idp.issuer },
      { sub: 'alice', iss: zone.issuer },
    ]) {
      const refused = await report(systems[0], id, by);
      await expectRefused(refused, id, { status: 409, reason: 'alike', approvals: 0 });
    }
  });

  test('which the zone has to trust, or which is Mandate itself', async () => {
    const { id } = await held();
    const elsewhere = await createTestZone(a);
    const foreign = await newTrustedIssuer(elsewhere);
    for (const iss of [foreign.issuer, `${idp.issuer}/`, idp.issuer.toUpperCase(), 'bob']) {
      const refused = await report(systems[0], id, { sub: 'bob', iss });
      await expectRefused(refused, id, { status: 400, reason: 'issuer', approvals: 0 });
      expect(refused.body['error_description']).toMatch(/no issuer that the zone trusts/);
    }
    const ours = { sub: 'bob', iss: zone.issuer };
    const counted = await report(systems[0], id, ours);
    expect(counted.status).toBe(204);
    expect(await zone.audit(counted.requestId)).toMatchObject([
      {
        event: { person: { sub: 'bob' }, decided_by: `proof_system:${systems[0].id}:[null,"bob"]` },
      },
    ]);
    await zone.admin('DELETE', `/issuers/${idp.id}`);
    const late = await report(systems[1], id, { sub: 'carol', iss: idp.issuer });
    await expectRefused(late, id, { status: 400, reason: 'issuer', approvals: 1 });
  });

  test.each<[string, unknown]>([
    ['empty', ''],
    ['null', null],
    ['a list', ['https://idp.example']],
    ['too long', `https://idp.example/${'x'.repeat(500)}`],
    ['with NUL', 'https://idp.example/\u0000'],
    ['with a space', 'https://idp.example/ x'],
    ['with a lone surrogate', 'https://idp.example/\uD800'],
  ])('that is %s is refused', async (_what, iss) => {
    const { id } = await held();
    const refused = await report(systems[0], id, { sub: 'bob', iss });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect(await shown(id)).toMatchObject({ state: 'pending', approvals: 0, decisions: [] });
  });
});

describe('beside the version before', () => {
  /** Stores a decision as that version does. @returns whether it was the first of its person */
  async function storeAsBefore(id: string, decidedBy: string, method: string): Promise<boolean> {
    const stored = await rows(
      a.databaseUrl,
      `INSERT INTO challenge_decisions (zone_id, challenge_id, decided_by, method, decision, reason)
       VALUES ($1, $2, $3, $4, 'approved', 'x') ON CONFLICT DO NOTHING RETURNING 1`,
      [zone.zoneId, id, decidedBy, method],
    );
    return stored.length === 1;
  }

  test('a person who has decided there has decided', async () => {
    const { id } = await held();
    const stored = `proof_system:${randomUUID()}:${JSON.stringify([idp.issuer, 'bob'])}`;
    expect(await storeAsBefore(id, stored, 'proof_system')).toBe(true);
    const again = await report(systems[0], id, { sub: 'bob', iss: idp.issuer });
    await expectRefused(again, id, { ...said, approvals: 0 });
    expect((await report(systems[0], id, { sub: 'carol', iss: idp.issuer })).status).toBe(204);
    expect(await shown(id)).toMatchObject({ state: 'approved', approvals: 2 });
  });

  test('a person who has decided here has decided there, whatever the way', async () => {
    const approver = await applicationOf(zone);
    const { id } = await held();
    const name = 'b"o\\b:%_é';
    expect((await report(systems[0], id, { sub: name, iss: idp.issuer })).status).toBe(204);
    const written = JSON.stringify([idp.issuer, name]);
    expect(await storeAsBefore(id, `subject:${written}`, 'totp')).toBe(false);
    const elsewhere = `proof_system:${systems[1].id}:${written}`;
    expect(await storeAsBefore(id, elsewhere, 'proof_system')).toBe(false);
    const other = await heldForItself();
    expect((await approveAs(approver, other.id)).status).toBe(200);
    const ofOurs = `proof_system:${systems[1].id}:${JSON.stringify([null, approver.clientId])}`;
    expect(await storeAsBefore(other.id, ofOurs, 'proof_system')).toBe(false);
  });

  test('what was approved there by one person twice is not redeemed here', async () => {
    const { id, response } = await held();
    // As it was stored before a person had one say: the index is of today.
    expect(await storeAsBefore(id, `proof_system:x:["${idp.issuer}","bob"]`, 'proof_system')).toBe(
      true,
    );
    await rows(
      a.databaseUrl,
      `UPDATE challenges SET decision = 'approved', decided_at = now(), approvals = 2 WHERE zone_id = $1 AND id = $2`,
      [zone.zoneId, id],
    );
    const answer = await ask({ scope: 'a:write', ...response });
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await zone.audit(answer.requestId)).toMatchObject([
      { outcome: 'denied', event: { reason: 'the challenge lacks approvals' } },
    ]);
    expect(await storeAsBefore(id, 'operator:admin key', 'operator')).toBe(true);
    expect((await ask({ scope: 'a:write', ...response })).status).toBe(200);
  });
});
