import { createHash, randomUUID } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { auditOf, borrowReplica, type Replica, rows } from '../setup/harness.js';
import {
  activate,
  DENY_ALL,
  metric,
  newSetVersion,
  recordedPolicy,
  type RecordedPolicy,
} from '../setup/policies.js';
import {
  ACCESS_TOKEN,
  callAdmin,
  createTestZone,
  PERMIT_ALL,
  rowsIn,
  type Answer,
  type TestZone,
} from '../setup/zone.js';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await replica?.stop();
});

interface Explained {
  readonly request_id: string;
  readonly policy?: RecordedPolicy;
}

const explain = async (requestId: string, query = '') => {
  const { status, body } = await callAdmin(replica, 'GET', `/decisions/${requestId}${query}`);
  const { items, next } = body as { items: Explained[]; next?: string };
  return { status, items, next, text: JSON.stringify(body) };
};

const behindOurBack = (statement: string) =>
  rowsIn(zone, `DO $$ BEGIN SET LOCAL session_replication_role = replica; ${statement}; END $$`);

interface Replayed {
  readonly items: readonly {
    readonly same: boolean;
    readonly problem?: string;
    readonly recorded_policy_set_version_id: string;
    readonly policy_set_version_id: string;
    readonly decisions: readonly { recorded: object; replayed: object; same: boolean }[];
  }[];
}

const replay = async (requestId: string, body: object = {}) => {
  const answer = await callAdmin(replica, 'POST', `/decisions/${requestId}/replay`, body);
  return { status: answer.status, ...(answer.body as unknown as Replayed) };
};

const use = async (...contents: string[]) => {
  const version = await newSetVersion(zone, ...contents);
  await activate(replica, zone.zoneId, version.id);
  return version;
};

const twoResources = { resource: ['resource://a', 'resource://b'], scope: 'shared' };

/** Asks in the way in which these parameters are refused as late as possible. */
const ask = async (turned: object) => {
  const parameters = { ...twoResources, ...turned };
  if (!('ttl_seconds' in turned)) return zone.session(parameters);
  const subject = await zone.session(twoResources);
  return zone.exchange({ ...parameters, subject_token: String(subject.body['access_token']) });
};

describe('what is on record', () => {
  const cases: readonly (readonly [string, string[], object, number])[] = [
    ['an issued mandate', [`@reason("fine") ${PERMIT_ALL}`], {}, 200],
    ['a denied one', [PERMIT_ALL, `@reason("not now") ${DENY_ALL}`], {}, 403],
    ['a step-up', [PERMIT_ALL, `@step_up("mfa") ${DENY_ALL}`], {}, 0],
    [
      'what nothing permits',
      ['@id("x") permit (principal == User::"x", action, resource);'],
      {},
      403,
    ],
    ['what is refused after policy was asked', [PERMIT_ALL], { ttl_seconds: '901' }, 400],
  ];

  test.each(cases)('of %s explains it', async (_case, contents, turned, status) => {
    const version = await use(...contents);
    const answer = await ask(turned);
    if (status > 0) expect(answer.status).toBe(status);
    const [row] = await auditOf(replica.databaseUrl, answer.requestId);
    const policy = await recordedPolicy(replica, answer.requestId);
    expect(policy).toMatchObject({
      policy_set_version_id: version.id,
      manifest_sha256: version.manifest_sha256,
    });
    expect(policy.decisions?.map(({ resource }) => resource)).toEqual(twoResources.resource);
    for (const { input, input_sha256, determining_policies } of policy.decisions ?? []) {
      const canonical = canonicalize(input) ?? '';
      expect(createHash('sha256').update(canonical).digest('hex')).toBe(input_sha256);
      expect(Array.isArray(determining_policies)).toBe(true);
    }
    const shown = await explain(answer.requestId);
    expect(shown).toMatchObject({ status: 200, items: [row?.event] });
    expect(shown.items).toHaveLength(1);
  });

  test('names what determined a decision, with reasons', async () => {
    await use(PERMIT_ALL, `@reason("not now") ${DENY_ALL}`);
    const { items } = await explain((await zone.session()).requestId);
    expect(items[0]?.policy?.decisions).toMatchObject([
      { determining_policies: [{ policy: 'no', effect: 'forbid', reason: 'not now' }] },
    ]);
  });

  test('of a request that failed on a fact that moved still says what policy said', async () => {
    const version = await use(PERMIT_ALL);
    const session = await zone.session();
    const { exp, ...claims } = JSON.parse(
      Buffer.from(String(session.body['access_token']).split('.')[1] ?? '', 'base64url').toString(),
    ) as { sid: string; exp: number };
    await zone.admin('DELETE', `/sessions/${claims.sid}`);
    const refused = await zone.exchange({ subject_token: String(session.body['access_token']) });
    expect([refused.status, exp > 0]).toEqual([400, true]);
    const { items } = await explain(refused.requestId);
    expect(items[0]).toMatchObject({ outcome: 'denied' });
    // Refused before policy is asked, or after: in either case nothing false is said.
    const said = items[0]?.policy;
    if (said !== undefined) expect(said.policy_set_version_id).toBe(version.id);
  });

  test('holds no token and no secret', async () => {
    await use(PERMIT_ALL);
    const other = await zone.newClient();
    const [subject, actor] = await Promise.all([
      zone.session(),
      zone.session({ client_id: other.clientId, client_secret: other.secret }),
    ]);
    const tokens = [subject, actor].map(({ body }) => String(body['access_token']));
    const [subjectToken = '', actorToken = ''] = tokens;
    const exchanged = await zone.exchange({
      subject_token: subjectToken,
      actor_token: actorToken,
      actor_token_type: ACCESS_TOKEN,
    });
    expect(exchanged.status).toBe(200);
    const wrong = await zone.session({ client_secret: 'a-wrong-secret-0123456789' });
    const hidden = [...tokens, String(exchanged.body['access_token']), zone.secret, other.secret];
    for (const { requestId } of [subject, actor, exchanged, wrong]) {
      const { status, text } = await explain(requestId);
      expect(status).toBe(200);
      expect(text).not.toContain('a-wrong-secret');
      for (const secret of hidden) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(secret.split('.').at(-1));
      }
    }
  });

  test('of nothing is 404', async () => {
    for (const id of [randomUUID(), randomUUID().slice(0, 8), '%00', 'a%20b', 'x'.repeat(200)]) {
      expect((await explain(id)).status).toBe(404);
      expect((await callAdmin(replica, 'POST', `/decisions/${id}/replay`, {})).status).toBe(404);
    }
    const done = await callAdmin(replica, 'POST', '/zones', { name: randomUUID() });
    expect((await explain(done.requestId)).status).toBe(404);
  });

  test('of requests that are called the same is all of them, the latest first', async () => {
    const label = randomUUID();
    await use(PERMIT_ALL);
    const first = await zone.session({}, { 'x-request-id': label });
    await use(DENY_ALL);
    await zone.session({}, { 'x-request-id': label });
    const { items } = await explain(label);
    expect(items).toMatchObject([{ outcome: 'denied' }, { outcome: 'issued' }]);
    expect((await replay(label)).items.map(({ same }) => same)).toEqual([true, true]);
    expect((await explain(first.requestId)).items).toMatchObject([{ outcome: 'issued' }]);
    expect((await replay(first.requestId)).items).toHaveLength(1);
  });

  test('cannot be hidden by strangers who call their requests the same', async () => {
    await use(PERMIT_ALL);
    const label = `order.${randomUUID()}`;
    const junk = () =>
      zone.session(
        { client_secret: undefined, client_assertion: 'x', client_assertion_type: JWT_BEARER },
        { 'x-request-id': label },
      );
    const flood = async () => {
      for (let n = 0; n < 15; n += 1) await Promise.all(Array.from({ length: 10 }, junk));
    };
    await flood();
    const decided = await zone.session({}, { 'x-request-id': label });
    await flood();
    const first = await explain(label);
    expect([first.items.length, first.items[0]?.request_id]).toEqual([100, decided.requestId]);
    expect((await replay(label)).items).toMatchObject([{ same: true }]);
    // A stranger who has learned our id gets nothing by calling his own request so.
    await zone.session({ client_secret: 'wrong' }, { 'x-request-id': decided.requestId });
    expect((await explain(decided.requestId)).items).toHaveLength(1);
    const seen = new Set(first.items.map(({ request_id }) => request_id));
    for (let { next } = first; next !== undefined;) {
      const page = await explain(label, `?after=${next}`);
      for (const { request_id } of page.items) seen.add(request_id);
      next = page.next;
    }
    expect(seen.size).toBe(301);
  });

  test('is shown in parts, each event once, whatever is asked for', async () => {
    await use(PERMIT_ALL);
    const label = `parts.${randomUUID()}`;
    const expected: string[] = [];
    for (let n = 0; n < 7; n += 1) {
      const wrong = n % 3 === 0 ? { client_secret: `mds_${'x'.repeat(43)}` } : {};
      const { requestId } = await zone.session(wrong, { 'x-request-id': label });
      expected.push(`${n % 3 === 0 ? 'stranger' : 'client'} ${requestId}`);
    }
    // Clients before strangers, the latest first.
    const order = expected.toReversed().toSorted((one, other) => {
      const [a = '', b = ''] = [one.split(' ')[0], other.split(' ')[0]];
      return a < b ? -1 : a > b ? 1 : 0;
    });
    const shown: string[] = [];
    let query = '?limit=2';
    for (;;) {
      const { status, items, next } = await explain(label, query);
      expect([status, items.length <= 2]).toEqual([200, true]);
      shown.push(...items.map(({ request_id }) => request_id));
      if (next === undefined) break;
      query = `?limit=2&after=${next}`;
    }
    expect(shown).toEqual(order.map((line) => line.split(' ')[1]));
    expect((await explain(label, `?after=${randomUUID()}`)).items).toEqual([]);
    for (const wrong of [
      'limit=0',
      'limit=x',
      'limit=501',
      'after=x',
      'after=',
      'limit=1&limit=2',
    ]) {
      expect((await explain(label, `?${wrong}`)).status, wrong).toBe(400);
    }
  });

  test('is found where it was recorded under the id of its caller, as before', async () => {
    await use(PERMIT_ALL);
    const label = `old.${randomUUID()}`;
    const old = await zone.session({}, { 'x-request-id': label });
    const rename = (from: string, to: string, kept: string) =>
      behindOurBack(
        `UPDATE audit_events SET request_id = '${to}', request_label = ${kept}
          WHERE zone_id = '${zone.zoneId}' AND request_id = '${from}'`,
      );
    // As versions before this one have written it; those who are lent the replica later verify its chains.
    await rename(old.requestId, label, 'NULL');
    onTestFinished(async () => {
      await rename(label, old.requestId, `'${label}'`);
    });
    const later = await zone.session({}, { 'x-request-id': label });
    const { items } = await explain(label);
    expect(items.map(({ request_id }) => request_id)).toEqual([later.requestId, old.requestId]);
    expect((await replay(label)).items).toHaveLength(2);
  });
});

const state = async () => [
  await rows(replica.databaseUrl, 'SELECT count(*) FROM audit_events'),
  await metric(replica, 'mandate_policy_decisions_total'),
];

describe('a replay', () => {
  const heads = ['principal', 'principal is Application', 'principal in Group::"g"'];
  const whens = [
    'true',
    'context.requested_scopes.contains("a:read")',
    'context.requested_scopes.contains("shared")',
    'context has requested_ttl_seconds && context.requested_ttl_seconds < 300',
    'principal has labels && principal.labels.contains("blue")',
    'resource == Resource::"resource://b"',
    'context has subject_claims',
    // Errs at times: the sum is beyond what Cedar can count.
    'context has requested_ttl_seconds && context.requested_ttl_seconds + 9223372036854775000 > 0',
    'context has time && context.time.epoch > 1000',
  ];
  const policy = fc.record({
    effect: fc.constantFrom('permit', 'permit', 'forbid'),
    head: fc.constantFrom(...heads),
    when: fc.constantFrom(...whens),
    stepUp: fc.constantFrom('', '', '@step_up("mfa")', '@step_up("otp")'),
    ttl: fc.constantFrom('', '@max_ttl("60")'),
  });
  const asked = fc.record({
    exchange: fc.boolean(),
    both: fc.boolean(),
    ttl_seconds: fc.constantFrom(undefined, '60', '299', '900'),
    other: fc.boolean(),
  });

  test('on the recorded version always comes out the same', async () => {
    const other = await zone.newClient({ labels: ['blue'], groups: ['g'] });
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(policy, { minLength: 1, maxLength: 6 }),
        fc.array(asked, { minLength: 3, maxLength: 5 }),
        async (policies, requests) => {
          const texts = policies.map(
            ({ effect, head, when, stepUp, ttl }, n) =>
              `@id("p${n}") @reason("r${n}") ${effect === 'forbid' ? stepUp : ttl}
               ${effect} (${head}, action, resource) when { ${when} };`,
          );
          await zone.activate(PERMIT_ALL);
          const subject = String((await zone.session(twoResources)).body['access_token']);
          const version = await use(texts.join('\n'));
          const answers: Answer[] = [];
          for (const { exchange, both, ttl_seconds, other: asOther } of requests) {
            const turned = { ...(both ? twoResources : { scope: 'shared' }), ttl_seconds };
            const who = asOther ? { client_id: other.clientId, client_secret: other.secret } : {};
            answers.push(
              exchange
                ? await zone.exchange({ ...turned, subject_token: subject })
                : await zone.session({ ...turned, ...who }),
            );
          }
          // What decides by now is none of the replay's business.
          await zone.activate(DENY_ALL);
          for (const { requestId } of answers) {
            const { items } = await replay(requestId);
            expect(items).toHaveLength(1);
            expect(items[0]).toMatchObject({ same: true, policy_set_version_id: version.id });
            for (const { recorded, replayed } of items[0]?.decisions ?? []) {
              expect(replayed).toEqual(recorded);
              const { decision, evaluation_status } = recorded as Record<string, string>;
              seen.add(`${decision} ${evaluation_status}`);
            }
          }
        },
      ),
      { numRuns: 25 },
    );
    // It is worth nothing unless it has seen all kinds.
    expect([...seen].toSorted()).toEqual(
      expect.arrayContaining(['allow complete', 'deny complete', 'step_up complete']),
    );
  });

  test('on a candidate says what would change', async () => {
    const version = await use(`@max_ttl("600") ${PERMIT_ALL}`);
    const { requestId } = await zone.session();
    const outcomes = async (...contents: string[]) => {
      const candidate = await newSetVersion(zone, ...contents);
      const { status, items } = await replay(requestId, { policy_set_version_id: candidate.id });
      expect(status).toBe(200);
      expect(items[0]).toMatchObject({
        recorded_policy_set_version_id: version.id,
        policy_set_version_id: candidate.id,
      });
      return items[0];
    };
    const recorded = { decision: 'allow', determining_policies: ['all'], max_ttl_seconds: 600 };
    expect(await outcomes(DENY_ALL)).toMatchObject({
      same: false,
      decisions: [{ same: false, recorded, replayed: { decision: 'deny' } }],
    });
    expect(await outcomes(PERMIT_ALL, `@step_up("mfa") ${DENY_ALL}`)).toMatchObject({
      same: false,
      decisions: [{ replayed: { decision: 'step_up', step_up_required: 'mfa' } }],
    });
    expect(await outcomes(PERMIT_ALL)).toMatchObject({
      same: false,
      decisions: [{ recorded, replayed: { decision: 'allow', max_ttl_seconds: null } }],
    });
    expect(await outcomes(`@max_ttl("600") ${PERMIT_ALL}`)).toMatchObject({ same: true });
    expect((await zone.session()).status).toBe(200);
  });

  test('writes nothing, and is not counted as a decision', async () => {
    await use(PERMIT_ALL);
    const { requestId } = await zone.session();
    const before = await state();
    await replay(requestId);
    expect(await state()).toEqual(before);
  });

  test.each([{ policy_set_version_id: 'x' }, { policy_set_version_id: null }, { version: 1 }])(
    'with %o is refused',
    async (body) => {
      await use(PERMIT_ALL);
      const { requestId } = await zone.session();
      expect((await replay(requestId, body)).status).toBe(400);
    },
  );

  const damages: readonly (readonly [string, (id: string) => string, RegExp])[] = [
    ['a deleted version', (id) => `DELETE FROM policy_set_versions WHERE id = '${id}'`, /gone/],
    [
      'a version without one of its policies',
      (id) => `DELETE FROM policy_set_members WHERE policy_set_version_id = '${id}'`,
      /manifest hash does not match/,
    ],
    [
      'an edited text',
      (id) => `UPDATE policy_versions v SET content = v.content || ' ' FROM policy_set_members m
                WHERE m.policy_version_id = v.id AND m.policy_set_version_id = '${id}'`,
      /does not match its hash/,
    ],
    [
      'an edited manifest',
      (id) => `UPDATE policy_set_versions SET manifest_sha256 = 'x' WHERE id = '${id}'`,
      /manifest hash does not match/,
    ],
  ];

  test.each(damages)('on %s says so', async (_case, damage, problem) => {
    const version = await use(PERMIT_ALL);
    const { requestId } = await zone.session();
    await use(`${PERMIT_ALL} // other`);
    await behindOurBack(damage(version.id));
    for (const body of [{}, { policy_set_version_id: version.id }]) {
      const { status, items } = await replay(requestId, body);
      expect(status).toBe(200);
      expect(items).toMatchObject([{ same: false, problem: expect.stringMatching(problem) }]);
    }
  });

  test('on a version of another zone, or none, says that it is gone', async () => {
    await use(PERMIT_ALL);
    const { requestId } = await zone.session();
    const elsewhere = await newSetVersion(await createTestZone(replica), PERMIT_ALL);
    for (const id of [elsewhere.id, randomUUID()]) {
      const { items } = await replay(requestId, { policy_set_version_id: id });
      expect(items).toMatchObject([{ same: false, problem: expect.stringContaining('gone') }]);
    }
  });

  test('of a request that policy was not asked about has nothing to say', async () => {
    const refused = await zone.session({ resource: 'resource://unknown' });
    expect(refused.status).toBe(400);
    expect(await replay(refused.requestId)).toMatchObject({ status: 200, items: [] });
  });
});
