import { decodeJwt } from 'jose';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { APPROVE_WRITES, heldIn, settle, type Held } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { until } from '../setup/process.js';
import { exchangeAs, newService } from '../setup/services.js';
import { createTestZone, type Answer, type Parameters, type TestZone } from '../setup/zone.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
});
beforeEach(async () => {
  zone = await createTestZone(replica, APPROVE_WRITES);
});

const write = (parameters: Parameters = {}) => zone.session({ scope: 'a:write', ...parameters });

async function approved(send: (parameters?: Parameters) => Promise<Answer> = write): Promise<Held> {
  const held = heldIn(await send());
  await settle(zone, held.id);
  return held;
}

function expectUnusable({ status, body }: Answer): void {
  expect({ status, body }).toMatchObject({
    status: 400,
    body: { error: 'invalid_grant', error_description: 'the challenge is not usable' },
  });
}

async function stateOf(id: string): Promise<Record<string, unknown> | undefined> {
  const [row] = await rows(
    replica.databaseUrl,
    'SELECT consumed_at IS NOT NULL AS consumed, decision, approvals FROM challenges WHERE id = $1',
    [id],
  );
  return row;
}

describe('a request that owes a step-up', () => {
  test('is held with a challenge', async () => {
    const answer = await write();
    expect(answer.status).toBe(401);
    const challenge = String(answer.headers.get('www-authenticate'));
    expect(challenge).toBe(
      'Bearer error="interaction_required", error_description="the request has to be confirmed", ' +
        `challenge_id="${String(answer.body['challenge_id'])}"`,
    );
    expect(challenge).not.toContain(String(answer.body['challenge_secret']));
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      error: 'interaction_required',
      error_description: 'the request has to be confirmed',
      requestId: answer.requestId,
      challenge_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      challenge_type: 'approval',
      challenge_secret: expect.stringMatching(/^[\w-]{43}$/),
      challenge_expires_at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const expiresIn = Date.parse(String(answer.body['challenge_expires_at'])) - Date.now();
    expect(expiresIn).toBeGreaterThan(270_000);
    expect(expiresIn).toBeLessThan(330_000);
  });

  test('leaves one audit row, which names the challenge and not the secret', async () => {
    const answer = await write();
    const audit = await zone.audit(answer.requestId);
    expect(audit).toMatchObject([
      {
        outcome: 'denied',
        client_id: zone.clientId,
        event: {
          error: 'interaction_required',
          reason: `step-up approval is required for ${zone.resource}`,
          challenge: { id: answer.body['challenge_id'], type: 'approval', joined: false },
          binding: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      },
    ]);
    const secret = String(answer.body['challenge_secret']);
    const everything = JSON.stringify([audit, replica.logs()]);
    expect(everything).not.toContain(secret);
    const stored = await rows(
      replica.databaseUrl,
      `SELECT c::text AS c, s::text AS s FROM challenges c
         JOIN challenge_secrets s ON s.zone_id = c.zone_id AND s.challenge_id = c.id WHERE c.zone_id = $1`,
      [zone.zoneId],
    );
    expect(JSON.stringify(stored)).not.toContain(secret);
  });

  test('does not get anything while nobody has decided, once somebody refused, or too late', async () => {
    const held = heldIn(await write());
    expectUnusable(await write(held.response));
    await settle(zone, held.id, 'rejected');
    expectUnusable(await write(held.response));
    const late = await approved();
    await rows(replica.databaseUrl, 'UPDATE challenges SET expires_at = now() WHERE id = $1', [
      late.id,
    ]);
    const answer = await write(late.response);
    expectUnusable(answer);
    expect((await zone.audit(answer.requestId))[0]?.event).toMatchObject({
      reason: 'the challenge is expired',
      requested: { challenge_id: late.id },
    });
  });

  test('is granted what was confirmed, once', async () => {
    const held = await approved();
    const granted = await write(held.response);
    expect(granted).toMatchObject({ status: 200, body: { scope: 'a:write' } });
    const [audit] = await zone.audit(granted.requestId);
    expect(audit).toMatchObject({
      outcome: 'issued',
      event: {
        challenge: { id: held.id, type: 'approval' },
        policy: { decisions: [{ input: { context: { challenge_resolved: true } } }] },
      },
    });
    expectUnusable(await write(held.response));
    heldIn(await write());
  });

  test('joins the challenge that is open for the very same request', async () => {
    const first = heldIn(await write());
    const second = heldIn(await write());
    expect(second.id).toBe(first.id);
    expect(second.response.challenge_response).not.toBe(first.response.challenge_response);
    expect((await zone.audit(second.requestId))[0]?.event).toMatchObject({
      challenge: { id: first.id, joined: true },
    });
    await settle(zone, first.id);
    const answers = await Promise.all([write(first.response), write(second.response)]);
    expect(answers.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([200, 400]);
    expect(heldIn(await write()).id).not.toBe(first.id);
  });

  test('opens a new challenge after a rejection, and for anybody else', async () => {
    const first = heldIn(await write());
    await settle(zone, first.id, 'rejected');
    const second = heldIn(await write());
    expect(second.id).not.toBe(first.id);
    const { clientId, secret } = await zone.newClient();
    const other = heldIn(await write({ client_id: clientId, client_secret: secret }));
    expect(other.id).not.toBe(second.id);
  });
});

describe('a challenge stands for one request', () => {
  const turned: Record<string, () => Promise<Parameters> | Parameters> = {
    'another scope': () => ({ scope: 'a:write a:read' }),
    'one more resource': () => ({ resource: ['resource://a', 'resource://b'], scope: 'a:write' }),
    'a longer life': () => ({ ttl_seconds: '901' }),
    'a shorter life': () => ({ ttl_seconds: '60' }),
    'more authentication': () => ({ max_age: '60' }),
    'another client': async () => {
      const { clientId, secret } = await zone.newClient();
      return { client_id: clientId, client_secret: secret };
    },
    'a session of its own': async () => {
      const session = await zone.session();
      return { session_id: String(decodeJwt(String(session.body['access_token'])).sid) };
    },
    'another policy': async () => {
      await zone.activate(`${APPROVE_WRITES}\n@id("more") permit (principal, action, resource);`);
      return {};
    },
    'the challenge of another zone': async () => {
      const other = await createTestZone(replica, APPROVE_WRITES);
      const held = heldIn(await other.session({ scope: 'a:write' }));
      await settle(other, held.id);
      return held.response;
    },
    'the response of another challenge': async () => {
      const held = heldIn(await write({ ttl_seconds: '61' }));
      return { challenge_response: held.response.challenge_response };
    },
  };

  test.each(Object.entries(turned))('and not for one with %s', async (_name, turn) => {
    const held = await approved();
    const parameters = await turn();
    const answer = await write({ ...held.response, ...parameters });
    // A scope that not all resources have is refused before anybody looks at the challenge.
    if (answer.body['error'] !== 'invalid_scope') expectUnusable(answer);
    expect(await stateOf(held.id)).toMatchObject({ consumed: false, decision: 'approved' });
  });

  test("and not for one with the same user's mandate of another client", async () => {
    const service = await newService(zone, 'resource://c', ['c:read']);
    const ask = await (await newTrustedIssuer(zone)).user('alice');
    const calling = async (of: Parameters) => {
      const { body } = await ask({ resource: 'resource://c', scope: 'c:read', ...of });
      return String(body['access_token']);
    };
    const caller = await zone.newClient();
    const one = await calling({});
    const other = await calling({ client_id: caller.clientId, client_secret: caller.secret });
    // In a session of its own, all that differs is the client that was called by Alice.
    const session = await zone.session({
      client_id: service.clientId,
      client_secret: service.secret,
      resource: service.resource,
      scope: 'c:read',
    });
    const { sid } = decodeJwt(String(session.body['access_token']));
    const onBehalf = (subject_token: string, parameters: Parameters = {}) =>
      exchangeAs(service, replica.url, subject_token, {
        session_id: String(sid),
        resource: zone.resource,
        scope: 'a:write',
        ...parameters,
      });

    const held = await approved(() => onBehalf(one));
    const refused = await onBehalf(other, held.response);
    expectUnusable(refused);
    expect(await zone.audit(refused.requestId)).toMatchObject([
      {
        outcome: 'denied',
        client_id: service.clientId,
        event: {
          error: 'invalid_grant',
          reason: 'the challenge stands for another request',
          requested: { challenge_id: held.id },
        },
      },
    ]);
    expect(await stateOf(held.id)).toMatchObject({ consumed: false, decision: 'approved' });
    const another = heldIn(await onBehalf(other));
    expect(another.id).not.toBe(held.id);
    expect(await zone.admin('GET', `/challenges/${another.id}`)).toMatchObject({
      summary: expect.stringMatching(`, through application "client .*" \\(${caller.clientId}\\)$`),
      request: { subject_client_id: caller.clientId },
    });
    expect(await onBehalf(one, held.response)).toMatchObject({ status: 200 });
  });

  test('in whichever order resources and scopes are named', async () => {
    const both = { resource: ['resource://a', 'resource://b'] };
    await zone.activate(APPROVE_WRITES.replace('a:write', 'shared'));
    const held = await approved(() => zone.session({ ...both, scope: 'shared' }));
    const answer = await zone.session({
      resource: both.resource.toReversed(),
      scope: 'shared',
      ...held.response,
    });
    expect(answer.status).toBe(200);
  });

  test('and survives a request that fails for another reason', async () => {
    const held = await approved();
    expect((await write({ ...held.response, session_id: 'x' })).status).toBe(400);
    expect((await write({ ...held.response, client_secret: 'wrong' })).status).toBe(401);
    expect((await write({ ...held.response, scope: 'a:write unknown' })).status).toBe(400);
    expect((await write(held.response)).status).toBe(200);
  });

  test('that policy still has to permit once it is confirmed', async () => {
    await zone.activate(
      `${APPROVE_WRITES}\n@id("no") forbid (principal, action, resource) when { context.challenge_resolved };`,
    );
    const held = await approved();
    const answer = await write(held.response);
    expect(answer).toMatchObject({ status: 403, body: { error: 'access_denied' } });
    expect(await stateOf(held.id)).toMatchObject({ consumed: false });
  });

  test('is refused where no single one could satisfy all resources', async () => {
    await zone.activate(`@id("all") permit (principal, action, resource);
@id("a") @step_up("approval") forbid (principal, action, resource == Resource::"resource://a");
@id("b") @step_up("mfa") forbid (principal, action, resource == Resource::"resource://b");`);
    const answer = await zone.session({
      resource: ['resource://a', 'resource://b'],
      scope: 'shared',
    });
    expect(answer).toMatchObject({ status: 403, body: { error: 'access_denied' } });
  });
});

describe('wrong responses', () => {
  test('are refused with one text, later with patience, and never lock out the right one', async () => {
    const held = await approved();
    const wrong = { challenge_id: held.id, challenge_response: 'x'.repeat(43) };
    const answers: Answer[] = [];
    for (let i = 0; i < 13; i += 1) answers.push(await write(wrong));
    expectUnusable(answers[0] as Answer);
    const last = answers.at(-1);
    expect(last).toMatchObject({ status: 429, body: { error: 'slow_down' } });
    expect(last?.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await zone.audit(answers[0]?.requestId ?? ''))[0]?.event.reason).toBe(
      'wrong challenge_response',
    );
    expect((await write(held.response)).status).toBe(200);
  });
});

describe('pending challenges are limited', () => {
  const pending = (count: number, of: Record<string, unknown>) =>
    rows(
      replica.databaseUrl,
      `INSERT INTO challenges (zone_id, id, type, binding, client_id, subject, subject_issuer, subject_type,
                               involved_client_ids, request, terms, quorum, expires_at)
       SELECT $1, gen_random_uuid(), 'approval', sha256(i::text::bytea), $2, $3, $4, $5, '{}', '{}', '{}', 1,
              now() + interval '5 minutes'
         FROM generate_series(1, $6::int) AS i`,
      [zone.zoneId, of['client'], of['subject'], of['issuer'] ?? null, of['type'], count],
    );

  test('of a client', async () => {
    await pending(99, { client: zone.clientId, subject: zone.clientId, type: 'application' });
    const last = heldIn(await write());
    const answer = await write({ ttl_seconds: '60' });
    expect(answer).toMatchObject({ status: 429, body: { error: 'slow_down' } });
    expect(answer.headers.get('retry-after')).toBe('30');
    expect(await zone.audit(answer.requestId)).toMatchObject([
      { outcome: 'denied', event: { error: 'slow_down', reason: 'too many pending challenges' } },
    ]);
    // To join one is no further one, and what others wait for is theirs.
    expect(heldIn(await write()).id).toBe(last.id);
    const { clientId, secret } = await zone.newClient();
    heldIn(await write({ client_id: clientId, client_secret: secret }));
  });
});

describe('fresh authentication (RFC 9470)', () => {
  const exchangeOf = (session: Answer, parameters: Parameters = {}) =>
    zone.exchange({ subject_token: String(session.body['access_token']), ...parameters });

  async function provedSession(): Promise<Answer> {
    const ask = (parameters: Parameters = {}) =>
      zone.session({ max_age: '60', scope: 'a:read', ...parameters });
    const held = await approved(ask);
    const session = await ask(held.response);
    expect(decodeJwt(String(session.body['access_token']))).toMatchObject({ acr: 'mfa' });
    return session;
  }

  test('is asked for as mfa where there is none', async () => {
    const answer = await zone.session({ max_age: '60' });
    expect(answer.body).toMatchObject({ challenge_type: 'mfa', acr_values: 'mfa' });
    expect(answer.headers.get('www-authenticate')).toMatch(/, acr_values="mfa"$/);
  });

  test('is enough for whoever asks for no fresher', async () => {
    const session = await provedSession();
    const parameters: Parameters[] = [
      { max_age: '300' },
      { acr_values: 'gold mfa' },
      { acr_values: 'mfa', max_age: '300' },
    ];
    for (const wanted of parameters) {
      const answer = await exchangeOf(session, wanted);
      expect(answer.status).toBe(200);
      expect(decodeJwt(String(answer.body['access_token']))).toMatchObject({ acr: 'mfa' });
    }
    heldIn(await exchangeOf(session, { max_age: '0' }));
    expect((await exchangeOf(session, { acr_values: 'gold' })).body['error']).toBe(
      'invalid_request',
    );
  });

  test('is not enough once it is too old, nor in another session', async () => {
    const session = await provedSession();
    heldIn(await exchangeOf(await zone.session(), { max_age: '300' }));
    const again = await until(async () => {
      const answer = await exchangeOf(session, { max_age: '1' });
      return answer.status === 200 ? null : answer;
    });
    heldIn(again);
    expect((await exchangeOf(session, { max_age: '300' })).status).toBe(200);
  });

  test('is remembered by the session that it was shown in', async () => {
    const session = await zone.session();
    const held = await approved(() => exchangeOf(session, { max_age: '60' }));
    expect((await exchangeOf(session, { max_age: '60', ...held.response })).status).toBe(200);
    expect((await exchangeOf(session, { max_age: '60' })).status).toBe(200);
    expect((await exchangeOf(await zone.session(), { max_age: '60' })).status).toBe(401);
  });

  test('lifts what policy demands only as far as the type says', async () => {
    const session = await provedSession();
    await zone.activate(`@id("all") permit (principal, action, resource);
@id("confirm") @step_up("mfa") forbid (principal, action, resource);`);
    heldIn(await exchangeOf(session));
    await rows(
      replica.databaseUrl,
      `INSERT INTO step_up_types (zone_id, type, lifetime_seconds, satisfied_by, quorum, requester_may_satisfy,
                                  subject_may_satisfy, acr, reuse_seconds)
       VALUES ($1, 'mfa', 300, '{totp}', 1, false, true, 'mfa', 120)`,
      [zone.zoneId],
    );
    const answer = await exchangeOf(session);
    expect(answer.status).toBe(200);
    expect((await zone.audit(answer.requestId))[0]?.event).toMatchObject({
      policy: { decisions: [{ input: { context: { challenge_resolved: true } } }] },
    });
    heldIn(await exchangeOf(session, { max_age: '0' }));
  });
});

describe('a user of a trusted issuer', () => {
  /** Exchanges a token of a new issuer for Alice, who was authenticated as it says. */
  const newUser = async (authentication: Record<string, unknown> = {}) =>
    (await newTrustedIssuer(zone)).user('alice', authentication);
  const ago = (seconds: number) => Math.floor(Date.now() / 1_000) - seconds;

  test('needs no challenge for what the issuer has asked for already', async () => {
    const ask = await newUser({ acr: 'urn:gold', auth_time: ago(100) });
    expect((await ask({ acr_values: 'urn:gold', max_age: '300' })).status).toBe(200);
    heldIn(await ask({ max_age: '60' }));
    const old = await ask({ acr_values: 'urn:gold', max_age: '60' });
    expect(old.body).toMatchObject({ error: 'invalid_request' });
  });

  test('is remembered by the session, with what was known before', async () => {
    const ask = await newUser({ acr: 'urn:silver', amr: ['pwd'], auth_time: ago(100) });
    const first = await ask();
    const { sid } = decodeJwt(String(first.body['access_token']));
    const inSession = (parameters: Parameters = {}) =>
      ask({ session_id: String(sid), max_age: '60', ...parameters });
    const granted = await inSession((await approved(inSession)).response);
    expect(decodeJwt(String(granted.body['access_token']))).toMatchObject({
      sub: 'alice',
      acr: 'mfa',
      amr: ['pwd', 'test'],
    });
    expect(await zone.admin('GET', `/sessions/${String(sid)}`)).toMatchObject({
      subject: 'alice',
      acr: 'mfa',
      amr: ['pwd', 'test'],
    });
    const [audit] = await zone.audit((await inSession()).requestId);
    expect(audit?.event).toMatchObject({ outcome: 'issued', mandate: { acr: 'mfa' } });
  });

  test('is not asked by one client until nobody else can', async () => {
    const ask = await newUser();
    for (let i = 0; i < 10; i += 1)
      heldIn(await ask({ scope: 'a:write', ttl_seconds: `${60 + i}` }));
    expect(await ask({ scope: 'a:write' })).toMatchObject({ status: 429 });
    const { clientId, secret } = await zone.newClient();
    heldIn(await ask({ scope: 'a:write', client_id: clientId, client_secret: secret }));
  });
});

describe('what is delegated', () => {
  test('costs nothing of a budget until it is granted', async () => {
    const app = await applicationOf(zone);
    const other = await applicationOf(zone);
    const [source, target] = [await app.open(), await other.open()];
    const edge = await app.delegate(source, target, {
      scopes: ['shared'],
      resource: zone.resource,
      constraints: { budget: 2 },
    });
    await other.accept(edge);
    await zone.activate(APPROVE_WRITES.replace('a:write', 'shared'));
    const remaining = async () =>
      (
        await rows(replica.databaseUrl, 'SELECT remaining FROM delegation_edges WHERE id = $1', [
          edge,
        ])
      )[0];
    const ask = (parameters: Parameters = {}) =>
      zone.session({
        client_id: other.clientId,
        client_secret: other.secret,
        agent_session_id: target,
        delegation_edge_id: edge,
        scope: 'shared',
        ...parameters,
      });
    const held = await approved(ask);
    expect(await remaining()).toEqual({ remaining: '2' });
    const [challenge] = await rows<{ involved_client_ids: string[] }>(
      replica.databaseUrl,
      'SELECT involved_client_ids FROM challenges WHERE id = $1',
      [held.id],
    );
    expect(challenge?.involved_client_ids).toEqual([app.clientId]);
    expect((await ask(held.response)).status).toBe(200);
    expect(await remaining()).toEqual({ remaining: '1' });
  });
});
