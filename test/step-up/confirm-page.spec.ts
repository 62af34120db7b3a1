import { randomBytes, randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../setup/authenticator-app.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, sharedReplica, startReplicaForTest, type Replica } from '../setup/harness.js';
import { whileOpen, type Statement } from '../setup/locks.js';
import { attributeOn, fragmentOf, openPage, type Shown } from '../setup/pages.js';
import { newPasskey } from '../setup/passkey.js';
import { callAdmin, createTestZone, type Parameters, type TestZone } from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';

const MFA_WRITES = APPROVE_WRITES.replace('"approval"', '"mfa"');

let a: Replica;
let b: Replica;
let zone: TestZone;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
});
beforeEach(async () => {
  zone = await createTestZone(a, MFA_WRITES);
});

/** A request that is held: its page, the secret of the link to that, and the same request again. */
async function held(parameters: Parameters = {}, of = zone) {
  const request = { scope: 'a:write', ...parameters };
  const { id, response, confirmUri } = heldIn(await of.session(request));
  return {
    id,
    page: `/step-up/${id}/confirm`,
    link: fragmentOf(confirmUri ?? 'https://no.link'),
    challengeSecret: response.challenge_response,
    again: () => of.session({ ...request, ...response }),
  };
}

async function newApp(of = zone, subject = of.clientId): Promise<{ id: string; secret: string }> {
  const made = await of.admin('POST', '/authenticators', { subject, kind: 'totp' });
  return { id: String(made['id']), secret: String(made['secret']) };
}

const send = (path: string, fields?: Record<string, string>, replica = a): Promise<Shown> =>
  openPage(replica, path, fields);

const setMfa = async (changed: object, of = zone) => {
  const set = await callAdmin(of.replica, 'PUT', `/zones/${of.zoneId}/step-up-types/mfa`, {
    lifetime_seconds: 300,
    satisfied_by: ['totp', 'webauthn'],
    quorum: 1,
    requester_may_satisfy: false,
    subject_may_satisfy: true,
    acr: 'mfa',
    reuse_seconds: 0,
    ...changed,
  });
  expect(set.status).toBe(200);
};

const stateOf = async (id: string) =>
  ((await (await fetch(`${a.url}/step-up/${id}`)).json()) as { state: string }).state;

/** What a page must not say to whoever has only the id of the challenge. */
const asked = () => [zone.clientId, 'a:write', 'resource://a', 'minutes</dd>', '<dl'];

const proofIn = ({ text }: Shown): string => /name="proof" value="([^"]+)"/.exec(text)?.[1] ?? '';

describe('whoever has the id of a challenge', () => {
  test('is shown nothing of it', async () => {
    const { page, challengeSecret } = await held();
    const other = await held({ ttl_seconds: '77' });
    const pages = [
      await send(page),
      await send(page, {}),
      await send(page, { link: '' }),
      await send(page, { link: 'x' }),
      await send(page, { link: 'a'.repeat(16_000) }),
      await send(page, { link: randomBytes(32).toString('base64url') }),
      await send(page, { link: challengeSecret }),
      await send(page, { link: other.link }),
      await send(page, { link: other.link, code: '123456', decision: 'approved' }),
      await send(page, { proof: other.link, decision: 'approved' }),
      await send(page, { code: '123456', decision: 'approved' }),
      await send(page, { assertion: '{}' }),
    ];
    expect(pages.map(({ status }) => status)).toEqual([200, ...pages.slice(1).map(() => 400)]);
    for (const { text } of pages) {
      for (const hidden of asked()) expect(text).not.toContain(hidden);
      expect(text).toContain('data-link');
    }
    const [nul, twice] = await Promise.all(
      ['link=%00', `link=${other.link}&link=${other.link}`].map((body) =>
        fetch(`${a.url}${page}`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body,
        }),
      ),
    );
    expect([nul?.status, twice?.status]).toEqual([400, 400]);
  });

  test('finds the same page whether there is an authenticator or not', async () => {
    const { page } = await held();
    const without = (await send(page)).text;
    await newApp();
    expect((await send(page)).text).toBe(without);
  });

  test.each(['x', randomUUID(), '%00', 'a'.repeat(3_000)])('is there for no %s', async (id) => {
    expect((await send(`/step-up/${id}/confirm`)).status).toBe(404);
    expect((await send(`/step-up/${id}/confirm`, { code: '123456' })).status).toBe(404);
  });
});

describe('the link in the held answer', () => {
  test('shows who wants what and for how long, and nothing can be put into it', async () => {
    const evil = await zone.newClient({ name: `<script>alert("&'")</script>` });
    const { page, link } = await held({
      client_id: evil.clientId,
      client_secret: evil.secret,
      ttl_seconds: '120',
    });
    const { status, text, headers } = await send(page, { link });
    expect(status).toBe(200);
    expect(text).not.toContain('<script>alert');
    expect(text).toContain('&#60;script&#62;alert(&#34;&#38;&#39;&#34;)&#60;/script&#62;');
    expect(text).toMatch(/a:write[^]*resource:\/\/a[^]*at most 2 minutes/);
    expect(text).not.toContain('autofocus');
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

  test('has its secret in the fragment; each who joins has another, and both are good', async () => {
    const answers = [
      await zone.session({ scope: 'a:write' }),
      await zone.session({ scope: 'a:write' }),
    ];
    const [one, two] = answers.map((answer) => heldIn(answer));
    expect(one?.id).toBe(two?.id);
    expect(one?.confirmUri).not.toBe(two?.confirmUri);
    for (const { confirmUri } of [one, two].filter((each) => each !== undefined)) {
      const url = new URL(String(confirmUri));
      expect([url.pathname, url.search]).toEqual([`/step-up/${one?.id}/confirm`, '']);
      for (const link of [url.hash.slice(1), url.href]) {
        expect((await send(url.pathname, { link }, b)).text).toContain(zone.clientId);
      }
    }
  });

  test('opens the page and redeems nothing', async () => {
    const { id, page, link, again } = await held();
    const { secret } = await newApp();
    expect((await send(page, { link, code: codeOf(secret), decision: 'approved' })).status).toBe(
      200,
    );
    const wrong = await zone.session({
      scope: 'a:write',
      challenge_id: id,
      challenge_response: link,
    });
    expect(wrong).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await again()).status).toBe(200);
  });

  test('is there only where the subject may confirm on the page', async () => {
    await setMfa({ satisfied_by: ['proof_system'] });
    const elsewhere = heldIn(await zone.session({ scope: 'a:write' }));
    expect(elsewhere.confirmUri).toBeNull();
    const shown = await send(`/step-up/${elsewhere.id}/confirm`);
    expect([shown.status, shown.text.includes('<form')]).toEqual([403, false]);
    const { secret } = await newApp();
    const sent = { code: codeOf(secret), decision: 'approved' };
    expect((await send(`/step-up/${elsewhere.id}/confirm`, sent)).status).toBe(403);
    expect(await stateOf(elsewhere.id)).toBe('pending');
  });
});

describe('the words on the page', () => {
  test('are those that operators have set; the names that count are there, too', async () => {
    const words = {
      organisation: 'Pied & Piper <b>',
      client: 'moves money for "you"',
      resource: 'The ledger',
      scope: 'Write to the ledger',
    };
    const { page, link } = await held();
    await zone.admin('PATCH', '', { display_name: words.organisation });
    await zone.admin('PATCH', `/clients/${zone.clientId}`, { description: words.client });
    const [a_] = (await zone.admin('GET', '/resources'))['items'] as { id: string }[];
    await zone.admin('PATCH', `/resources/${a_?.id}`, {
      display_name: words.resource,
      scope_descriptions: [{ scope: 'a:write', description: words.scope }],
    });
    const { text } = await send(page, { link });
    const escaped = (one: string) => one.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
    for (const one of Object.values(words)) expect(text).toContain(escaped(one));
    const [plain = '', exact = ''] = text.split('<details class="exact">');
    for (const name of ['a:write', 'resource://a']) {
      expect(plain).not.toContain(name);
      expect(exact).toContain(name);
    }
    expect(exact).toContain(zone.clientId);
    // Whoever has the id only does not learn whose it is.
    expect((await send(page)).text).not.toContain('Pied');
  });

  test('in words that a scope has in the whole zone, where the resource has none', async () => {
    const { page, link } = await held();
    const scope = { name: 'a:write', description: 'Change <anything>' };
    const { id } = await zone.admin('POST', '/scopes', scope);
    const plain = async () => (await send(page, { link })).text.split('<details class="exact">')[0];
    expect(await plain()).toContain('Change &#60;anything&#62;');
    expect(await plain()).not.toContain('a:write');
    const [a_] = (await zone.admin('GET', '/resources'))['items'] as { id: string }[];
    const own = { scope_descriptions: [{ scope: 'a:write', description: 'Write to A' }] };
    await zone.admin('PATCH', `/resources/${a_?.id}`, own);
    expect(await plain()).toContain('Write to A');
    expect(await plain()).not.toContain('anything');
    await zone.admin('DELETE', `/scopes/${String(id)}`);
    await zone.admin('PATCH', `/resources/${a_?.id}`, { scope_descriptions: null });
    expect(await plain()).toContain('<code>a:write</code>');
  });
});

describe('without a code', () => {
  test('whoever has the link can come back later, and nothing is decided', async () => {
    const { id, page, link } = await held();
    const { status, text } = await send(page, { link, decision: 'later' });
    expect([status, text.includes('<h1>Nothing is decided</h1>')]).toEqual([200, true]);
    expect(text).toContain(link);
    expect(await stateOf(id)).toBe('pending');
    expect((await send(page, { link })).text).toContain('a:write');
  });

  test('whoever has the link can say that it was somebody else, which refuses it for good', async () => {
    const { secret } = await newApp();
    const { id, page, link, again } = await held();
    const said = await Promise.all(
      [a, b, a].map((one) => openPage(one, page, { link, decision: 'not_me' })),
    );
    expect(said.filter(({ text }) => text.includes('<h1>Reported</h1>'))).toHaveLength(1);
    expect(said.filter(({ status }) => status === 409)).toHaveLength(2);
    const first = said.find(({ status }) => status === 200);
    expect(await zone.audit(first?.requestId ?? '')).toMatchObject([
      {
        outcome: 'done',
        event: {
          type: 'challenge.decided',
          challenge: { id },
          decided_by: 'link',
          method: 'report',
          decision: 'rejected',
          reported: true,
          settled: 'rejected',
        },
      },
    ]);
    expect(await stateOf(id)).toBe('rejected');
    expect((await again()).status).toBe(400);
    const shown = await zone.admin('GET', `/challenges/${id}`);
    expect(shown).toMatchObject({ decisions: [{ decided_by: 'link', method: 'report' }] });
    expect(shown['reported_at']).toEqual(shown['decided_at']);
    const late = await send(page, { link, code: codeOf(secret), decision: 'approved' });
    expect([late.status, late.text.includes('It was refused')]).toEqual([409, true]);
  });

  test('nobody can who has not the link, or was shown it on a code, or has that of another', async () => {
    const { secret } = await newApp();
    const { id, page } = await held();
    const other = await held({ ttl_seconds: '50' });
    const proof = proofIn(await send(page, { code: codeOf(secret) }));
    for (const fields of [
      {},
      { link: '' },
      { link: 'x'.repeat(43) },
      { link: other.link },
      { link: `${other.link}\0` },
      { proof },
      { code: codeOf(secret, 1) },
    ]) {
      for (const decision of ['not_me', 'later']) {
        const { text } = await send(page, { ...fields, decision });
        expect(text).not.toMatch(/<h1>(Reported|Nothing is decided)/);
      }
    }
    expect(await stateOf(id)).toBe('pending');
  });

  test('a report is told to webhooks, beside the rejection, and approves nothing of a quorum', async () => {
    await setMfa({ satisfied_by: ['totp', 'operator'], quorum: 2 });
    const { secret } = await newApp();
    const hook = { url: 'https://hook.example/', events: ['challenge.reported'] };
    await zone.admin('POST', '/webhooks', hook);
    const { id, page, link } = await held();
    const approved = await send(page, { link, code: codeOf(secret), decision: 'approved' });
    expect(approved.text).toContain('<h1>Thank you</h1>');
    expect((await send(page, { link, decision: 'not_me' })).text).toContain('<h1>Reported</h1>');
    expect(await stateOf(id)).toBe('rejected');
    const TOLD = `SELECT payload->'data'->>'challenge_id' AS id FROM webhook_deliveries
      WHERE zone_id = $1 AND event_type = 'challenge.reported'`;
    expect(await rows(a.databaseUrl, TOLD, [zone.zoneId])).toEqual([{ id }]);
  });
});

describe('a code without the link', () => {
  test('shows the request; the decision comes then, and needs no other code', async () => {
    const { secret } = await newApp();
    const { id, page, again } = await held();
    const code = codeOf(secret);
    // What is decided before it was seen does not count.
    const shown = await send(page, { code, decision: 'approved' });
    expect(shown.status).toBe(200);
    for (const said of asked().slice(0, 3)) expect(shown.text).toContain(said);
    expect(await stateOf(id)).toBe('pending');
    expect(await zone.audit(shown.requestId)).toMatchObject([
      {
        outcome: 'done',
        event: {
          type: 'challenge.shown',
          challenge: { id },
          method: 'totp',
          shown_to: `subject:[null,"${zone.clientId}"]`,
        },
      },
    ]);
    const proof = proofIn(shown);
    expect(proof).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const decided = await send(page, { proof, decision: 'approved' }, b);
    expect(decided.text).toContain('<h1>Confirmed</h1>');
    expect(await zone.audit(decided.requestId)).toMatchObject([
      {
        outcome: 'done',
        event: { type: 'challenge.decided', method: 'totp', decision: 'approved' },
      },
    ]);
    expect((await again()).status).toBe(200);
    // It was used to see this one.
    expect((await send((await held({ ttl_seconds: '50' })).page, { code })).status).toBe(400);
  });

  test('refuses, too', async () => {
    const { secret } = await newApp();
    const { id, page } = await held();
    const proof = proofIn(await send(page, { code: codeOf(secret) }));
    expect((await send(page, { proof, decision: 'rejected' })).text).toContain('<h1>Refused</h1>');
    expect(await stateOf(id)).toBe('rejected');
  });

  test('works once, also on two replicas at once', async () => {
    const { secret } = await newApp();
    const { page } = await held();
    const code = codeOf(secret);
    const answers = await Promise.all([a, b, a, b].map((one) => send(page, { code }, one)));
    expect(answers.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([
      200, 400, 400, 400,
    ]);
  });

  test('lets one decide on what was shown, once, for five minutes, with that app', async () => {
    await setMfa({ satisfied_by: ['totp', 'approver'], quorum: 2 });
    const app = await newApp();
    const [one, other] = [await held(), await held({ ttl_seconds: '50' })];
    const decide = ({ page }: { page: string }, proof: string) =>
      send(page, { proof, decision: 'approved' });
    const proofs = () => rows(a.databaseUrl, PROOFS, [zone.zoneId]);
    const PROOFS = 'SELECT 1 FROM confirmation_proofs WHERE zone_id = $1';

    const first = proofIn(await send(one.page, { code: codeOf(app.secret) }));
    expect((await decide(other, first)).status).toBe(400);
    expect((await send(one.page, { proof: first })).status).toBe(400);
    expect((await send(one.page, { proof: first, decision: 'maybe' })).status).toBe(400);
    const [done, twin] = await Promise.all([
      decide(one, first),
      openPage(b, one.page, { proof: first, decision: 'approved' }),
    ]);
    const texts = [done.text, twin.text].filter((text) => text.includes('<h1>Thank you</h1>'));
    expect(texts).toHaveLength(1);
    expect((await decide(one, first)).status).toBe(400);
    expect(await proofs()).toEqual([]);

    const second = proofIn(await send(other.page, { code: codeOf(app.secret, 1) }));
    const late = `UPDATE confirmation_proofs SET expires_at = now() WHERE zone_id = $1`;
    await rows(a.databaseUrl, late, [zone.zoneId]);
    expect((await decide(other, second)).text).toContain('That took too long');
    const soon = `UPDATE confirmation_proofs SET expires_at = now() + interval '1 minute' WHERE zone_id = $1`;
    await rows(a.databaseUrl, soon, [zone.zoneId]);
    await zone.admin('DELETE', `/authenticators/${app.id}`);
    expect((await decide(other, second)).status).toBe(400);
    expect(await stateOf(other.id)).toBe('pending');
  });

  test('is rationed as one that decides, whichever of both it is', async () => {
    const { secret } = await newApp();
    const { page, link } = await held();
    const statuses: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      const code = codeOf(secret, 5 + i);
      const fields = i % 2 === 0 ? { code } : { link, code, decision: 'approved' };
      statuses.push((await send(page, fields, i % 3 === 0 ? b : a)).status);
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429]);
  });
});

describe('a passkey', () => {
  test('shows a request, and a signature for that decides nothing; a wrong one is no wrong code', async () => {
    const origin = 'http://localhost:3000';
    const replica = await startReplicaForTest({ env: { ISSUER_URL: origin } });
    const there = await createTestZone(replica, MFA_WRITES);
    const subject = there.clientId;
    const open = (path: string, fields?: Record<string, string>) => openPage(replica, path, fields);
    const one = newPasskey({ rpId: 'localhost', origin });
    const nonceOn = ({ text }: Shown) => Buffer.from(attributeOn(text, 'data-nonce'), 'base64url');

    const made = await there.admin('POST', '/authenticators/enrolments', { subject });
    const enrolment = fragmentOf(made['enrolment_url']);
    const of = nonceOn(await open('/step-up/enrol', { link: enrolment }));
    const registration = one.registration({ of });
    expect((await open('/step-up/enrol', { link: enrolment, registration })).status).toBe(200);

    const { page, link } = await held({}, there);
    const toSee = nonceOn(await open(page));
    const toDecide = nonceOn(await open(page, { link }));
    expect(toSee).not.toEqual(toDecide);
    const assertion = one.assertion({ of: toSee, count: 1 });
    const wrong = await open(page, { link, assertion, decision: 'approved' });
    expect(wrong.status).toBe(400);
    expect(wrong.text).toMatch(/role="alert"[^>]*>\s*That was not right: the passkey/);
    expect(wrong.text).toContain('id="code"');
    expect(wrong.text).not.toContain('aria-invalid');

    const shown = await open(page, { assertion });
    expect(shown.text).toContain('a:write');
    const decided = await open(page, { proof: proofIn(shown), decision: 'approved' });
    expect(decided.text).toContain('<h1>Confirmed</h1>');
  });

  test('is not spoken of where only codes are good', async () => {
    await setMfa({ satisfied_by: ['totp'] });
    const { page, link } = await held();
    const pages = [await send(page), await send(page, { link })];
    for (let i = 0; i < 6; i += 1) {
      pages.push(await send(page, { link, code: '000000', decision: 'approved' }));
    }
    expect(pages.at(-1)?.status).toBe(429);
    for (const { text } of pages) expect(text).not.toMatch(/passkey|webauthn/i);
    // What it signs is no evidence there.
    const sent = await send(page, { link, assertion: '{}', decision: 'approved' });
    expect(sent.text).toContain('Enter the code');
  });
});

describe('the page', () => {
  test('says what was decided, also where the rest of it cannot be read then', async () => {
    const replica = await startReplicaForTest();
    const there = await createTestZone(replica, MFA_WRITES);
    const { page, link } = await held({}, there);
    const RENAME = 'ALTER TABLE zones RENAME COLUMN display_name TO was_display_name';
    await rows(await databaseOf(replica.databaseUrl, there.zoneId), RENAME);
    const said = await openPage(replica, page, { link, decision: 'not_me' });
    expect([said.status, said.text.includes('<h1>Reported</h1>')]).toEqual([200, true]);
  });

  test('does not say that nothing was decided where that is not known', async () => {
    const { id, page, link } = await held();
    const lock: Statement = [
      'SELECT 1 FROM challenges WHERE zone_id = $1 AND id = $2 FOR UPDATE',
      [zone.zoneId, id],
    ];
    const answer = await whileOpen(a.databaseUrl, lock, () =>
      fetch(`${a.url}${page}`, {
        method: 'POST',
        headers: { accept: 'text/html' },
        body: new URLSearchParams({ link, decision: 'not_me' }),
      }),
    );
    expect([answer.status, (await answer.text()).includes('nothing was decided')]).toEqual([
      503,
      false,
    ]);
  });

  test('says when it is too late', async () => {
    const { secret } = await newApp();
    const { id, page, link } = await held();
    await rows(a.databaseUrl, 'UPDATE challenges SET expires_at = now() WHERE id = $1', [id]);
    expect((await send(page)).text).toContain('Too late');
    expect((await send(page, { link, code: codeOf(secret), decision: 'approved' })).status).toBe(
      410,
    );
    expect((await send(page, { code: codeOf(secret) })).status).toBe(410);
  });

  test('says how it was decided elsewhere while it was open', async () => {
    await setMfa({ satisfied_by: ['totp', 'operator'], subject_must_satisfy: false });
    const { id, page, link } = await held();
    const decision = { decision: 'approved', reason: 'seen' };
    await zone.admin('POST', `/challenges/${id}/decision`, decision);
    for (const fields of [undefined, { link }, { link, decision: 'not_me' }]) {
      expect((await send(page, fields)).text).toContain('It was confirmed. The application can go');
    }
  });

  test('tells browsers in words what is wrong, and others in JSON', async () => {
    const { page } = await held();
    for (const [accept, type] of [
      ['text/html,*/*', /^text\/html/],
      ['*/*', /^application\/json/],
    ] as const) {
      const answer = await fetch(`${a.url}${page}`, {
        method: 'POST',
        headers: { accept, 'content-type': 'text/plain' },
        body: 'x',
      });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        415,
        expect.stringMatching(type),
      ]);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
  });

  test('takes nothing but its own form', async () => {
    const { secret } = await newApp();
    const { id, page, link } = await held();
    const code = codeOf(secret);
    expect((await send(page, { link, code, decision: 'maybe' })).status).toBe(400);
    expect((await send(page, { link, code })).status).toBe(400);
    expect((await send(page, { link, decision: 'approved' })).status).toBe(400);
    expect((await send(page, { decision: 'approved' })).status).toBe(400);
    const json = await fetch(`${a.url}${page}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ link, code, decision: 'approved' }),
    });
    expect(json.status).toBe(415);
    const twice = await fetch(`${a.url}${page}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `link=${link}&code=${code}&code=${code}&decision=approved`,
    });
    expect(twice.status).toBe(400);
    expect(await stateOf(id)).toBe('pending');
  });
});
