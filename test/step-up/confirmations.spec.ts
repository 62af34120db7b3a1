import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../setup/authenticator-app.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { fragmentOf, openPage, type Shown } from '../setup/pages.js';
import { until } from '../setup/process.js';
import {
  callAdmin,
  createTestZone,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const MFA_WRITES = APPROVE_WRITES.replace('"approval"', '"mfa"');

let a: Replica;
let b: Replica;
let zone: TestZone;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
});
beforeEach(async () => {
  zone = await newZone();
});

async function newZone(): Promise<TestZone> {
  const made = await createTestZone(a, MFA_WRITES);
  return made;
}

/** The secret of the link to the page of each challenge. */
const links = new Map<string, string>();

let turn = 0;
async function held(parameters: Parameters = {}, of = zone) {
  turn += 1;
  const request = { scope: 'a:write', ttl_seconds: String(60 + (turn % 800)), ...parameters };
  const answer = heldIn(await of.session(request));
  if (answer.confirmUri !== null) links.set(answer.id, fragmentOf(answer.confirmUri));
  return {
    ...answer,
    again: (): Promise<Answer> => of.session({ ...request, ...answer.response }),
  };
}

/** Registers an app for whom the zone's client answers for; returns its key. */
async function newApp(of = zone, subject = of.clientId): Promise<string> {
  const made = await of.admin('POST', '/authenticators', { subject, kind: 'totp' });
  return String(made['secret']);
}

const send = (path: string, fields?: Record<string, string>, replica = a): Promise<Shown> =>
  openPage(replica, path, fields);

/** Decides as the page does on which a held request is shown: with the secret of its link, and a code. */
const confirm = (id: string, code: string, decision = 'approved', replica = a) =>
  send(`/step-up/${id}/confirm`, { link: links.get(id) ?? '', code, decision }, replica);

const stateOf = async (id: string) =>
  ((await (await fetch(`${a.url}/step-up/${id}`)).json()) as { state: string }).state;

describe('a code', () => {
  test('confirms a request, which is granted then', async () => {
    const secret = await newApp();
    const { id, again } = await held();
    const confirmed = await confirm(id, codeOf(secret));
    expect(confirmed.status).toBe(200);
    expect(confirmed.text).toContain('<h1>Confirmed</h1>');
    expect(await zone.audit(confirmed.requestId)).toMatchObject([
      {
        outcome: 'done',
        event: {
          type: 'challenge.decided',
          method: 'totp',
          decided_by: `subject:[null,"${zone.clientId}"]`,
          decision: 'approved',
        },
      },
    ]);
    const granted = await again();
    expect(granted.status).toBe(200);
    const claims = JSON.parse(
      Buffer.from(String(granted.body['access_token']).split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(claims).toMatchObject({ acr: 'mfa', amr: ['otp'] });
    expect((await confirm(id, codeOf(secret, 1))).status).toBe(409);
  });

  test('refuses a request', async () => {
    const secret = await newApp();
    const { id, again } = await held();
    expect((await confirm(id, codeOf(secret), 'rejected')).text).toContain('<h1>Refused</h1>');
    expect((await again()).body['error']).toBe('invalid_grant');
    expect(await stateOf(id)).toBe('rejected');
  });

  test('works once, also on two replicas at once', async () => {
    const secret = await newApp();
    const challenges = await Promise.all(Array.from({ length: 6 }, () => held()));
    const code = codeOf(secret);
    const answers = await Promise.all(
      challenges.map(({ id }, i) => confirm(id, code, 'approved', i % 2 === 0 ? a : b)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(5);
    // The next one is good for one of the others.
    const open = challenges.find((_challenge, i) => answers[i]?.status !== 200);
    expect((await confirm(open?.id ?? '', codeOf(secret, 1))).status).toBe(200);
  });

  test('is not used up by a decision that does not count', async () => {
    const set = await callAdmin(a, 'PUT', `/zones/${zone.zoneId}/step-up-types/mfa`, {
      lifetime_seconds: 300,
      satisfied_by: ['totp', 'approver'],
      quorum: 2,
      requester_may_satisfy: false,
      subject_may_satisfy: true,
      acr: 'mfa',
      reuse_seconds: 0,
    });
    expect(set.status).toBe(200);
    const secret = await newApp();
    const [first, second] = [await held(), await held()];
    const [code, next] = [codeOf(secret), codeOf(secret, 1)];
    expect((await confirm(first.id, code)).text).toContain('<h1>Thank you</h1>');
    const again = await confirm(first.id, next);
    expect(again.status).toBe(409);
    expect(again.text).toContain('<h1>Already decided</h1>');
    expect(await zone.audit(again.requestId)).toMatchObject([
      { outcome: 'denied', event: { reason: 'said', method: 'totp' } },
    ]);
    // The one that was used is told from the one that was not.
    expect((await confirm(second.id, code)).status).toBe(400);
    expect((await confirm(second.id, next)).text).toContain('<h1>Thank you</h1>');
  });

  test('may be of the step before or after, and of no other', async () => {
    const stepNow = () => Math.floor(Date.now() / 30_000);
    // All of it within one step, so that "before" is what it was when it is read: else once more, in another zone.
    const statuses = await until(async () => {
      zone = await newZone();
      const step = stepNow();
      const secret = await newApp();
      const statusOf = async (id: string, steps: number) =>
        (await confirm(id, codeOf(secret, steps))).status;
      const { id } = await held();
      const found = {
        farBefore: await statusOf(id, -3),
        farAfter: await statusOf(id, 3),
        before: await statusOf(id, -1),
        after: await statusOf((await held()).id, 1),
        // Older than the last one that was used.
        now: await statusOf((await held()).id, 0),
      };
      return stepNow() === step ? found : null;
    });
    expect(statuses).toEqual({ farBefore: 400, farAfter: 400, before: 200, after: 200, now: 400 });
  });

  test('is that of the subject, in this zone', async () => {
    const other = await newZone();
    const elsewhere = await newApp(other);
    const somebody = await newApp(zone, 'somebody');
    const { id } = await held();
    expect((await confirm(id, codeOf(elsewhere))).status).toBe(400);
    expect((await confirm(id, codeOf(somebody))).status).toBe(400);
    const removed = await zone.admin('POST', '/authenticators', {
      subject: zone.clientId,
      kind: 'totp',
    });
    await zone.admin('DELETE', `/authenticators/${String(removed['id'])}`);
    expect((await confirm(id, codeOf(String(removed['secret'])))).status).toBe(400);
    expect(await stateOf(id)).toBe('pending');
  });

  test.each(['', '12345', '1234567', 'abcdef', '１２３４５６', "' OR 1=1", '000000\u0000'])(
    'is not %j',
    async (code) => {
      await newApp();
      const { id } = await held();
      const answer = await confirm(id, code);
      expect(answer.status).toBe(400);
      expect(await stateOf(id)).toBe('pending');
    },
  );

  test('that is wrong is told as a problem, and recorded without it', async () => {
    const secret = await newApp();
    const { id } = await held();
    const wrong = codeOf(secret, 5);
    const answer = await confirm(id, wrong);
    expect(answer.text).toContain('role="alert"');
    expect(answer.text).toContain('<title>Error: Confirm this request? – Mandate</title>');
    expect(answer.text).toContain('You can try 4 times more.');
    const audit = await zone.audit(answer.requestId);
    expect(audit).toMatchObject([
      { outcome: 'denied', event: { challenge: { id }, reason: 'wrong proof of the subject' } },
    ]);
    expect(JSON.stringify(audit)).not.toContain(wrong);
    const [row] = await rows(
      a.databaseUrl,
      'SELECT wrong_responses FROM challenges WHERE id = $1',
      [id],
    );
    expect(row).toEqual({ wrong_responses: 1 });
  });

  test('cannot be guessed for long, on any replica; others are not locked out', async () => {
    const secret = await newApp();
    const { id } = await held();
    const answers: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      const { status, headers } = await confirm(
        id,
        codeOf(secret, 5 + i),
        'approved',
        i % 2 === 0 ? a : b,
      );
      answers.push(status);
      if (status === 429) expect(headers.get('retry-after')).toBe('60');
    }
    expect(answers).toEqual([400, 400, 400, 400, 400, 429, 429]);
    // The right one is too late for this challenge, and is none of the business of another.
    expect((await confirm(id, codeOf(secret))).status).toBe(429);
    expect((await confirm((await held()).id, codeOf(secret))).status).toBe(200);
  });

  test('cannot be guessed by asking again and again, and only whoever did so feels it', async () => {
    const issuer = await zone.newClient();
    await newApp(zone, zone.clientId);
    const wrong = async (id: string) => (await confirm(id, '000000')).status;
    const statuses: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const { id } = await held();
      for (let guess = 0; guess < 5; guess += 1) statuses.push(await wrong(id));
    }
    expect(statuses.filter((status) => status === 400)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(5);
    const secret = await newApp(zone, issuer.clientId);
    const other = await held({ client_id: issuer.clientId, client_secret: issuer.secret });
    expect((await confirm(other.id, codeOf(secret))).status).toBe(200);
  });
});
