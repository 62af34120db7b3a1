import { randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../setup/authenticator-app.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
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
  const made = await createTestZone(a);
  await made.activate(MFA_WRITES);
  return made;
}

let turn = 0;
async function held(parameters: Parameters = {}, of = zone) {
  turn += 1;
  const request = { scope: 'a:write', ttl_seconds: String(60 + (turn % 800)), ...parameters };
  const answer = heldIn(await of.session(request));
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

interface Sent {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  readonly requestId: string;
}

async function send(path: string, fields?: Record<string, string>, replica = a): Promise<Sent> {
  const sent = fields === undefined ? {} : { method: 'POST', body: new URLSearchParams(fields) };
  const response = await fetch(`${replica.url}${path}`, sent);
  return {
    status: response.status,
    text: await response.text(),
    headers: response.headers,
    requestId: response.headers.get('x-request-id') ?? '',
  };
}

const confirm = (id: string, code: string, decision = 'approved', replica = a) =>
  send(`/step-up/${id}/confirm`, { code, decision }, replica);

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
    const secret = await newApp();
    // Far from the end of a step, so that "before" stays what it is.
    const late = 30_000 - (Date.now() % 30_000);
    if (late < 8_000) await new Promise((resolve) => setTimeout(resolve, late + 100));
    const { id } = await held();
    expect((await confirm(id, codeOf(secret, -3))).status).toBe(400);
    expect((await confirm(id, codeOf(secret, 3))).status).toBe(400);
    expect((await confirm(id, codeOf(secret, -1))).status).toBe(200);
    expect((await confirm((await held()).id, codeOf(secret, 1))).status).toBe(200);
    // Older than the last one that was used.
    expect((await confirm((await held()).id, codeOf(secret))).status).toBe(400);
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
    expect(answer.text).toContain('<title>Error: Confirm a request</title>');
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

describe('the page', () => {
  test('says who wants what and for how long, and nothing can be put into it', async () => {
    const evil = await zone.newClient({ name: `<script>alert("&'")</script>` });
    const { id } = await held({
      client_id: evil.clientId,
      client_secret: evil.secret,
      ttl_seconds: '120',
    });
    const { status, text, headers } = await send(`/step-up/${id}/confirm`);
    expect(status).toBe(200);
    expect(text).not.toContain('<script>alert');
    expect(text).toContain('&#60;script&#62;alert(&#34;&#38;&#39;&#34;)&#60;/script&#62;');
    expect(text).toMatch(/a:write[^]*resource:\/\/a[^]*at most 2 minutes/);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-robots-tag': 'noindex',
      'content-security-policy': expect.stringMatching(
        /^default-src 'none';.*form-action 'self'.*frame-ancestors 'none'$/,
      ),
    });
    expect(text).not.toMatch(/<script(?! src="\/step-up\/assets\/)|\son[a-z]+=|\sstyle=/);
  });

  test('is the same whether somebody has an authenticator or not', async () => {
    const { id } = await held();
    const without = (await send(`/step-up/${id}/confirm`)).text;
    await newApp();
    expect((await send(`/step-up/${id}/confirm`)).text).toBe(without);
  });

  test.each(['x', randomUUID(), '%00', 'a'.repeat(3_000)])('is not there for %s', async (id) => {
    expect((await send(`/step-up/${id}/confirm`)).status).toBe(404);
    expect((await confirm(id, '123456')).status).toBe(404);
  });

  test('is not for what others have to confirm', async () => {
    await zone.activate(APPROVE_WRITES);
    const secret = await newApp();
    const { id } = await held();
    const shown = await send(`/step-up/${id}/confirm`);
    expect([shown.status, shown.text.includes('<form')]).toEqual([403, false]);
    expect((await confirm(id, codeOf(secret))).status).toBe(403);
    expect(await stateOf(id)).toBe('pending');
  });

  test('says when it is too late', async () => {
    const secret = await newApp();
    const { id } = await held();
    await rows(a.databaseUrl, 'UPDATE challenges SET expires_at = now() WHERE id = $1', [id]);
    expect((await send(`/step-up/${id}/confirm`)).text).toContain('Too late');
    expect((await confirm(id, codeOf(secret))).status).toBe(410);
  });

  test('takes nothing but its own form', async () => {
    const secret = await newApp();
    const { id } = await held();
    const code = codeOf(secret);
    expect((await confirm(id, code, 'maybe')).status).toBe(400);
    expect((await send(`/step-up/${id}/confirm`, { code })).status).toBe(400);
    expect((await send(`/step-up/${id}/confirm`, { decision: 'approved' })).status).toBe(400);
    expect(
      (await send(`/step-up/${id}/confirm`, { assertion: '{}', decision: 'approved' })).status,
    ).toBe(400);
    const json = await fetch(`${a.url}/step-up/${id}/confirm`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code, decision: 'approved' }),
    });
    expect(json.status).toBe(415);
    const twice = await fetch(`${a.url}/step-up/${id}/confirm`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `code=${code}&code=${code}&decision=approved`,
    });
    expect(twice.status).toBe(400);
    expect(await stateOf(id)).toBe('pending');
  });
});
