import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  actedBy,
  newExchangingZone,
  UNUSABLE,
  type ExchangingZone,
} from '../setup/exchanging-zone.js';
import { sharedReplica } from '../setup/harness.js';
import { expectRefused, type LedgerView } from '../setup/ledger-view.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const GATEWAY = 'resource://gateway';
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const JWT = 'urn:ietf:params:oauth:token-type:jwt';

let zone: TestZone;
let foreign: TestZone;
let view: LedgerView;
let colleagueSession: ExchangingZone['colleagueSession'];
let forged: ExchangingZone['forged'];
let expectNothing: ExchangingZone['expectNothing'];

beforeAll(async () => {
  ({ zone, foreign, view, colleagueSession, forged, expectNothing } = await newExchangingZone(
    await sharedReplica(),
  ));
  await zone.admin('POST', '/resources', {
    identifier: GATEWAY,
    scopes: ['shared'],
    access: 'gateway',
  });
});
afterAll(() => view?.close());

function tokenOf(answer: Answer): string {
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return String(answer.body['access_token']);
}

/** A session mandate for both resources and all that they share. */
async function session(parameters: Parameters = {}): Promise<string> {
  const both = { resource: [zone.resource, zone.otherResource], scope: 'shared' };
  return tokenOf(await zone.session({ ...both, ...parameters }));
}

describe('a session mandate', () => {
  test('grants exactly the claims of a resource mandate', async () => {
    const subject = tokenOf(await zone.session());
    const from = decodeJwt(subject);
    const before = await view.created(zone.zoneId);
    const answer = await zone.exchange({ subject_token: subject });
    const token = tokenOf(answer);
    const claims = decodeJwt(token);
    expect(answer.body).toEqual({
      access_token: token,
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: Number(claims.exp) - Number(claims.iat),
      scope: 'a:read',
      target_resources: [zone.resource],
    });
    expect(claims).toEqual({
      iss: zone.issuer,
      sub: zone.clientId,
      aud: zone.resource,
      exp: from.exp,
      iat: expect.any(Number),
      jti: expect.stringMatching(UUID_V7),
      zone_id: zone.zoneId,
      client_id: zone.clientId,
      scope: 'a:read',
      sid: from['sid'],
      root_sid: from['root_sid'],
      use: 'resource',
      sub_type: 'application',
      target: [zone.resource],
      ancestors: [from.jti],
      pol: from['pol'],
    });
    expect(claims.jti).not.toBe(from.jti);
    expect(await view.created(zone.zoneId)).toEqual({
      sessions: before.sessions,
      mandates: before.mandates + 1,
    });
    expect(await zone.audit(answer.requestId)).toMatchObject([
      {
        outcome: 'issued',
        jti: claims.jti,
        event: {
          subject: { jti: from.jti, sid: from['sid'], client_id: zone.clientId },
          mandate: { use: 'resource', aud: [zone.resource], exp: claims.exp },
        },
      },
    ]);
  });

  test('grants a string as audience for one resource and an array for several', async () => {
    const subject_token = await session();
    const one = await zone.exchange({
      subject_token,
      resource: zone.otherResource,
      scope: 'shared',
    });
    expect(decodeJwt(tokenOf(one)).aud).toBe(zone.otherResource);
    const resource = [zone.otherResource, zone.resource];
    const several = await zone.exchange({ subject_token, resource, scope: 'shared' });
    expect(decodeJwt(tokenOf(several))).toMatchObject({ aud: resource, target: resource });
    expect(several.body['target_resources']).toEqual(resource);
  });

  test.each([ACCESS_TOKEN, JWT])('grants the same under the name %s', async (type) => {
    const answer = await zone.exchange({ requested_token_type: type, subject_token_type: JWT });
    tokenOf(answer);
    expect(answer.body['issued_token_type']).toBe(type);
  });

  test('refuses a resource beyond its target', async () => {
    const subject_token = tokenOf(await zone.session({ scope: 'shared' }));
    await expectNothing(
      () => zone.exchange({ subject_token, resource: zone.otherResource, scope: 'shared' }),
      { status: 400, error: 'invalid_target', reason: /beyond the subject token/ },
    );
  });

  test('refuses all resources for one that is beyond, unknown or unwilling', async () => {
    const subject_token = await session();
    for (const bad of [GATEWAY, 'resource://unknown']) {
      // oxlint-disable-next-line no-await-in-loop
      await expectNothing(
        () => zone.exchange({ subject_token, resource: [zone.resource, bad], scope: 'shared' }),
        { status: 400, error: 'invalid_target' },
      );
    }
  });

  test('refuses a resource that is for gateways only, also within its target', async () => {
    const subject_token = await forged({ target: [GATEWAY], scope: 'shared' });
    await expectNothing(
      () => zone.exchange({ subject_token, resource: GATEWAY, scope: 'shared' }),
      { status: 400, error: 'invalid_target', reason: /gateways only/ },
    );
  });

  test('tells a resource that is unknown, beyond or unwilling in the same words', async () => {
    const answers = await Promise.all([
      zone.exchange({ resource: 'resource://unknown' }),
      zone.exchange({ resource: zone.otherResource, scope: 'shared' }),
      zone.exchange({ resource: GATEWAY, scope: 'shared' }),
    ]);
    const bodies = answers.map(({ body }) => JSON.stringify({ ...body, requestId: '' }));
    expect(new Set(bodies).size).toBe(1);
  });

  test('refuses a scope beyond its own, though the resource has it', async () => {
    const subject_token = tokenOf(await zone.session({ scope: 'a:read' }));
    for (const scope of ['a:write', 'a:read a:write']) {
      // oxlint-disable-next-line no-await-in-loop
      await expectNothing(() => zone.exchange({ subject_token, scope }), {
        status: 400,
        error: 'invalid_scope',
      });
    }
  });

  test('refuses a scope of its own that the resource lacks', async () => {
    const subject_token = await forged({ scope: 'a:read b:read' });
    await expectNothing(() => zone.exchange({ subject_token, scope: 'a:read b:read' }), {
      status: 400,
      error: 'invalid_scope',
    });
  });

  test('grants what subject and resources have in common if no scope is named', async () => {
    const scopeOf = async (subject_token: string, resource: string | string[]) => {
      const answer = await zone.exchange({ subject_token, resource, scope: undefined });
      expect(decodeJwt(tokenOf(answer))['scope']).toBe(answer.body['scope']);
      return answer.body['scope'];
    };
    const all = await forged({
      scope: 'a:read a:write b:read shared unknown',
      target: [zone.resource, zone.otherResource],
    });
    expect(await scopeOf(all, zone.resource)).toBe('a:read a:write shared');
    expect(await scopeOf(all, [zone.resource, zone.otherResource])).toBe('shared');
    expect(await scopeOf(tokenOf(await zone.session()), zone.resource)).toBe('a:read');
    expect(await scopeOf(tokenOf(await zone.session({ scope: undefined })), zone.resource)).toBe(
      '',
    );
  });

  test('refuses any scope if it was granted none', async () => {
    const subject_token = tokenOf(await zone.session({ scope: undefined }));
    await expectNothing(() => zone.exchange({ subject_token }), {
      status: 400,
      error: 'invalid_scope',
    });
  });

  test('grants no life beyond its own', async () => {
    const subject_token = tokenOf(await zone.session({ ttl_seconds: '60' }));
    const { exp } = decodeJwt(subject_token);
    for (const ttl_seconds of [undefined, '60', '900']) {
      // oxlint-disable-next-line no-await-in-loop
      const claims = decodeJwt(tokenOf(await zone.exchange({ subject_token, ttl_seconds })));
      expect(claims.exp).toBeLessThanOrEqual(Number(exp));
      expect(claims.exp).toBeGreaterThanOrEqual(Number(exp) - 5);
    }
  });

  test('grants a quarter of an hour at most, and refuses a second more', async () => {
    const subject_token = tokenOf(await zone.session({ ttl_seconds: '3600' }));
    const usual = await zone.exchange({ subject_token });
    expect(usual.body['expires_in']).toBe(900);
    const most = await zone.exchange({ subject_token, ttl_seconds: '900' });
    expect(most.body['expires_in']).toBe(900);
    const less = await zone.exchange({ subject_token, ttl_seconds: '1' });
    expect(less.body['expires_in']).toBe(1);
    for (const ttl_seconds of ['901', '3600']) {
      // oxlint-disable-next-line no-await-in-loop
      await expectNothing(() => zone.exchange({ subject_token, ttl_seconds }), {
        status: 400,
        error: 'invalid_request',
        reason: /ttl_seconds/,
      });
    }
  });
});

describe('the lifetime by how verifiers learn of revocations', () => {
  const registered = new Map<string, string>();
  const resourceWith = async (revocation: string): Promise<string> => {
    const identifier = registered.get(revocation) ?? `resource://${revocation}/${randomUUID()}`;
    if (!registered.has(revocation)) {
      await zone.admin('POST', '/resources', { identifier, scopes: ['shared'], revocation });
      registered.set(revocation, identifier);
    }
    return identifier;
  };
  /** Asks for mandates for one resource or several, of a session that lives longer than any. */
  const askerFor = async (resource: string[]) => {
    const opened = await zone.session({ resource, scope: 'shared', ttl_seconds: '3600' });
    const subject_token = tokenOf(opened);
    return (ttl_seconds?: string) =>
      zone.exchange({ subject_token, resource, scope: 'shared', ttl_seconds });
  };

  test.each([
    ['introspect', 900],
    ['status_list', 900],
    ['feed', 900],
    ['expiry', 300],
  ])('%s: %d seconds at most, also where none is asked for', async (revocation, most) => {
    const ask = await askerFor([await resourceWith(revocation)]);
    expect((await ask()).body['expires_in']).toBe(most);
    expect((await ask(String(most))).body['expires_in']).toBe(most);
    await expectNothing(() => ask(String(most + 1)), {
      status: 400,
      error: 'invalid_request',
      reason: new RegExp(`ttl_seconds is more than ${most}`),
    });
  });

  test('is that of the resource that allows least', async () => {
    const several = [zone.resource, await resourceWith('expiry'), await resourceWith('feed')];
    expect((await (await askerFor(several))()).body['expires_in']).toBe(300);
    expect((await (await askerFor([zone.resource]))()).body['expires_in']).toBe(900);
  });
});

describe('the anchor', () => {
  test("grants with the subject token's session named", async () => {
    const subject_token = tokenOf(await zone.session());
    const { sid } = decodeJwt(subject_token);
    const answer = await zone.exchange({ subject_token, session_id: String(sid) });
    expect(decodeJwt(tokenOf(answer))).toMatchObject({ sid, root_sid: sid });
  });

  test("grants on another session of one's own, which keeps the root and caps the life", async () => {
    const subject_token = tokenOf(await zone.session());
    const { sid: root } = decodeJwt(subject_token);
    const { sid, exp } = decodeJwt(tokenOf(await zone.session({ ttl_seconds: '60' })));
    const answer = await zone.exchange({ subject_token, session_id: String(sid) });
    expect(decodeJwt(tokenOf(answer))).toMatchObject({ sid, root_sid: root, exp });
  });

  test('grants no life beyond the subject on a session that lives longer', async () => {
    const subject_token = tokenOf(await zone.session({ ttl_seconds: '60' }));
    const { sid } = decodeJwt(tokenOf(await zone.session({ ttl_seconds: '3600' })));
    const answer = await zone.exchange({ subject_token, session_id: String(sid) });
    expect(decodeJwt(tokenOf(answer))).toMatchObject({ sid, exp: decodeJwt(subject_token).exp });
  });

  test("refuses another client's, another zone's, an unknown and a malformed session", async () => {
    const theirs = decodeJwt(await colleagueSession())['sid'];
    const abroad = decodeJwt(tokenOf(await foreign.session()))['sid'];
    const cases = [
      [theirs, 'session of another client'],
      [abroad, 'unknown session'],
      [randomUUID(), 'unknown session'],
      ['x', 'unknown session'],
      [String(theirs).toUpperCase(), 'unknown session'],
    ] as const;
    const subject_token = tokenOf(await zone.session());
    for (const [id, reason] of cases) {
      // oxlint-disable-next-line no-await-in-loop
      await expectNothing(() => zone.exchange({ subject_token, session_id: String(id) }), {
        status: 400,
        error: 'invalid_grant',
        description: 'the session is not usable',
        reason,
      });
    }
  });

  test('refuses when the session has ended, and records why', async () => {
    const subject_token = tokenOf(await zone.session());
    const { sid } = decodeJwt(subject_token);
    tokenOf(await zone.exchange({ subject_token }));
    await zone.admin('DELETE', `/sessions/${String(sid)}`);
    await expectNothing(() => zone.exchange({ subject_token }), {
      status: 400,
      error: 'invalid_grant',
      description: 'the session is not usable',
      reason: "the subject token's session is not alive",
    });
  });

  test("refuses when the subject's session has ended though another one is named", async () => {
    const subject_token = tokenOf(await zone.session());
    const { sid: ended } = decodeJwt(subject_token);
    const { sid: live } = decodeJwt(tokenOf(await zone.session()));
    await zone.admin('DELETE', `/sessions/${String(ended)}`);
    await expectNothing(() => zone.exchange({ subject_token, session_id: String(live) }), {
      status: 400,
      error: 'invalid_grant',
    });
  });

  test('refuses when the named session has ended though that of the subject lives', async () => {
    const { sid } = decodeJwt(tokenOf(await zone.session()));
    const subject_token = tokenOf(await zone.session());
    await zone.admin('DELETE', `/sessions/${String(sid)}`);
    await expectNothing(() => zone.exchange({ subject_token, session_id: String(sid) }), {
      status: 400,
      error: 'invalid_grant',
      reason: 'the session is not alive',
    });
  });

  test('refuses when only the root session has ended', async () => {
    const root = String(decodeJwt(tokenOf(await zone.session()))['sid']);
    const subject_token = await forged({ root_sid: root });
    tokenOf(await zone.exchange({ subject_token }));
    await zone.admin('DELETE', `/sessions/${root}`);
    await expectNothing(() => zone.exchange({ subject_token }), {
      status: 400,
      error: 'invalid_grant',
      reason: 'the root session is not alive',
    });
  });

  test('refuses a session that was never recorded', async () => {
    const subject_token = await forged({ sid: randomUUID() });
    await expectNothing(() => zone.exchange({ subject_token }), {
      status: 400,
      error: 'invalid_grant',
    });
  });

  test('refuses a revoked mandate, in the words that are used for any other bad one', async () => {
    const subject_token = tokenOf(await zone.session());
    await zone.admin('POST', '/revocations', { jti: decodeJwt(subject_token).jti });
    await expectNothing(() => zone.exchange({ subject_token }), {
      ...UNUSABLE,
      reason: 'subject_token: revoked',
    });
  });

  test('refuses a revoked actor', async () => {
    const actor = await colleagueSession();
    const subject_token = tokenOf(await zone.session());
    await zone.admin('POST', '/revocations', { jti: decodeJwt(actor).jti });
    await expectNothing(() => zone.exchange({ subject_token, ...actedBy(actor) }), {
      status: 400,
      error: 'invalid_request',
      description: 'the actor_token is not usable',
      reason: 'actor_token: revoked',
    });
  });
});

describe('a subject token', () => {
  test('refuses a resource mandate', async () => {
    const subject_token = tokenOf(await zone.exchange());
    await expectNothing(() => zone.exchange({ subject_token }), {
      ...UNUSABLE,
      reason: 'subject_token: for no resource of the client',
    });
  });

  test("refuses another client's session mandate", async () => {
    const subject_token = await colleagueSession();
    await expectNothing(() => zone.exchange({ subject_token }), {
      ...UNUSABLE,
      reason: 'subject_token: of another client',
    });
  });

  test("refuses another zone's mandate", async () => {
    const subject_token = tokenOf(await foreign.session());
    await expectNothing(() => zone.exchange({ subject_token }), {
      ...UNUSABLE,
      reason: 'subject_token: unknown_kid',
    });
  });

  test('refuses what is no token at all', async () => {
    await expectNothing(() => zone.exchange({ subject_token: 'x' }), {
      ...UNUSABLE,
      reason: 'subject_token: not_three_segments',
    });
  });
});

describe('what cannot be minted', () => {
  test('refuses to mint for the issuer as if it were a resource', async () => {
    const { id } = (await zone.admin('POST', '/resources', {
      identifier: zone.issuer,
      scopes: ['shared'],
    })) as { id: string };
    const subject_token = await forged({ target: [zone.issuer], scope: 'shared' });
    await expectNothing(
      () => zone.exchange({ subject_token, resource: zone.issuer, scope: 'shared' }),
      {
        status: 400,
        error: 'invalid_target',
      },
    );
    await zone.admin('DELETE', `/resources/${id}`);
  });

  test('refuses what would be too large to be accepted again', async () => {
    const long = Array.from({ length: 20 }, (_, n) => `resource://${n}/${'x'.repeat(600)}`);
    await Promise.all(
      long.map((identifier) => zone.admin('POST', '/resources', { identifier, scopes: [] })),
    );
    await expectNothing(() => zone.session({ resource: long, scope: undefined }), {
      status: 400,
      error: 'invalid_request',
      reason: /too large/,
    });
  });
});

describe('policy', () => {
  test('decides on subject, actors and scope, and is asked again for each exchange', async () => {
    const other = await createTestZone(zone.replica);
    await other.activate(
      `@id("all") permit (principal, action, resource);
       @id("no") forbid (principal, action, resource) when {
         context has subject_claims && context.requested_scopes.contains("a:write") };`,
    );
    const subject = tokenOf(await other.session({ scope: 'a:read a:write' }));
    tokenOf(await other.exchange({ subject_token: subject, scope: 'a:read' }));
    const denied = await other.exchange({ subject_token: subject, scope: 'a:write' });
    await expectRefused(view, denied, { status: 403, error: 'access_denied' });
    // With no scope named, the whole intersection is asked for, and denied as a whole.
    const whole = await other.exchange({ subject_token: subject, scope: undefined });
    await expectRefused(view, whole, { status: 403, error: 'access_denied' });
  });

  test('caps the life of a resource mandate', async () => {
    const other = await createTestZone(zone.replica);
    const subject_token = tokenOf(await other.session());
    await other.activate('@id("p") @max_ttl("45") permit (principal, action, resource);');
    const answer = await other.exchange({ subject_token });
    expect(answer.body['expires_in']).toBe(45);
  });
});
