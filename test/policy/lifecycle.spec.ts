import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { auditOf, sharedReplica, type Replica } from '../setup/harness.js';
import {
  activate,
  DENY_ALL,
  newPolicy,
  newSetVersion,
  recordedPolicy,
  sha256,
} from '../setup/policies.js';
import {
  callAdmin,
  createTestZone,
  PERMIT_ALL,
  ACCESS_TOKEN,
  type TestZone,
} from '../setup/zone.js';

let a: Replica;
let b: Replica;
let zone: TestZone;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
  zone = await createTestZone(a);
});

const call = (method: string, path: string, body?: unknown) =>
  callAdmin(a, method, `/zones/${zone.zoneId}${path}`, body);

const permit = (id: string, when = 'true') =>
  `@id("${id}") permit (principal, action, resource) when { ${when} };`;

const errorsOf = (body: Record<string, unknown>) =>
  body['errors'] as { policy: string; message: string; help?: string }[];

describe('a version of a policy', () => {
  test('has content, hash, author and time, and cannot be changed or removed', async () => {
    const content = permit('first');
    const since = Date.now();
    const { policy_id: id, ...first } = await newPolicy(zone, content, { author: 'jane' });
    const second = await zone.admin('POST', `/policies/${id}/versions`, { content: permit('two') });
    expect(second).toMatchObject({
      version: 2,
      author: 'admin key',
      sha256: sha256(permit('two')),
    });
    const path = `/policies/${id}/versions/${first.id}`;
    const shown = await zone.admin('GET', path);
    expect(shown).toMatchObject({ policy_id: id, version: 1, content, author: 'jane' });
    expect(shown['sha256']).toBe(sha256(content));
    const created = Date.parse(String(shown['created_at']));
    expect(created).toBeGreaterThanOrEqual(since);
    expect(created).toBeLessThanOrEqual(Date.now());
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      expect((await call(method, path, { content: permit('x') })).status).toBe(405);
    }
    expect(await zone.admin('GET', path)).toEqual(shown);
  });
});

describe('a version of a policy set', () => {
  test('is a manifest with a hash over names and texts', async () => {
    const names = [`z ${randomUUID()}`, `a ${randomUUID()}`];
    const contents = [permit('one'), permit('two')];
    const versions = [];
    for (const [n, content] of contents.entries()) {
      versions.push(await newPolicy(zone, content, { name: names[n] }));
    }
    const { id } = await zone.admin('POST', '/policy-sets', { name: `set ${randomUUID()}` });
    const path = `/policy-sets/${String(id)}/versions`;
    const made = await zone.admin('POST', path, {
      policy_version_ids: versions.map((each) => each.id),
      author: 'joe',
    });
    const manifest = names
      .map((name, n) => [name, sha256(contents[n] ?? '')])
      .toSorted(([x = ''], [y = '']) => (x < y ? -1 : 1));
    expect(made).toMatchObject({
      version: 1,
      author: 'joe',
      warnings: [],
      manifest_sha256: sha256(JSON.stringify(manifest)),
    });
    const { warnings: _, ...stored } = made;
    expect(await zone.admin('GET', `${path}/${String(made['id'])}`)).toEqual(stored);
  });
});

describe('activation', () => {
  test('compares and sets', async () => {
    const one = await newSetVersion(zone, permit('one'));
    const two = await newSetVersion(zone, permit('two'));
    await activate(a, zone.zoneId, one.id);
    const { headers, body } = await call('GET', '/policy');
    const etag = headers.get('etag') ?? '';
    expect(etag).toBe(`"${one.id}"`);
    for (const wrong of [`"${two.id}"`, one.id, `W/${etag}`, '"none"', '']) {
      const refused = await activate(a, zone.zoneId, two.id, wrong);
      expect(refused).toMatchObject({ status: 412, body: { error: 'precondition_failed' } });
      expect(await auditOf(a.databaseUrl, refused.requestId)).toEqual([]);
    }
    expect(body).toMatchObject((await call('GET', '/policy')).body);
    const set = await activate(a, zone.zoneId, two.id, `"x", ${etag}`);
    expect(set).toMatchObject({ status: 200, body: { policy_set_version_id: two.id } });
    expect(set.headers.get('etag')).toBe(`"${two.id}"`);
    expect((await activate(a, zone.zoneId, one.id, etag)).status).toBe(412);
    expect((await activate(a, zone.zoneId, one.id, '*')).status).toBe(200);
  });

  test('of a zone without a policy matches the ETag that says so', async () => {
    const { id } = (await callAdmin(a, 'POST', '/zones', { name: randomUUID() })).body;
    const { headers } = await callAdmin(a, 'GET', `/zones/${String(id)}/policy`);
    expect(headers.get('etag')).toBe('"none"');
  });

  test('is won by exactly one of two that saw the same', async () => {
    const versions = [
      await newSetVersion(zone, permit('x')),
      await newSetVersion(zone, permit('y')),
    ];
    for (let round = 0; round < 10; round += 1) {
      const { headers, body } = await call('GET', '/policy');
      const etag = headers.get('etag') ?? '';
      const racers = [a, b].map((replica, n) =>
        activate(replica, zone.zoneId, versions[n]?.id ?? '', etag),
      );
      const answers = await Promise.all(racers);
      expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['200', '412']);
      const winner = answers.findIndex(({ status }) => status === 200);
      const after = versions[winner]?.id;
      expect((await call('GET', '/policy')).body['policy_set_version_id']).toBe(after);
      expect(await auditOf(a.databaseUrl, answers[winner]?.requestId ?? '')).toMatchObject([
        {
          event: {
            type: 'admin.policy.activated',
            operator: 'admin key',
            before: body['policy_set_version_id'],
            after,
          },
        },
      ]);
      // Not the winner's again, which would match.
      await zone.activate(PERMIT_ALL);
    }
  });

  test('decides the next request on every replica, and is undone by an earlier version', async () => {
    const yes = await newSetVersion(zone, PERMIT_ALL);
    const no = await newSetVersion(zone, PERMIT_ALL, DENY_ALL);
    for (let round = 0; round < 15; round += 1) {
      const [to, from] = round % 2 === 0 ? [a, b] : [b, a];
      await activate(to, zone.zoneId, no.id);
      expect((await zone.sessionAt(from)).status).toBe(403);
      expect((await zone.sessionAt(to)).status).toBe(403);
      await activate(to, zone.zoneId, yes.id);
      expect((await zone.sessionAt(from)).status).toBe(200);
      expect((await zone.sessionAt(to)).status).toBe(200);
    }
  });
});

const big = (n: number) => `// ${'x'.repeat(260_000)}\n${permit(`big${n}`)}`;

describe('a policy is refused', () => {
  const cases: readonly (readonly [string, string, object])[] = [
    ['an attribute that is nowhere', 'principal.nmae == "x"', { column: 3, message: /nmae/ }],
    ['an optional attribute without has', 'principal.lifecycle == "x"', { message: /lifecycle/ }],
    ['another type', 'context.requested_scopes == "x"', { message: /type/i }],
    ['an entity that is nowhere', 'principal == Human::"x"', { message: /Human/ }],
    ['an action that is nowhere', 'action == Action::"Read"', { message: /Read/ }],
  ];

  test.each(cases)('for %s, with policy, line, column and hint', async (_case, when, at) => {
    const content = `// What it is for.\n@id("odd")\npermit (principal, action, resource) when {\n  ${when}\n};`;
    const { status, body } = await call('POST', '/policies', { name: randomUUID(), content });
    expect({ status, error: body['error'] }).toEqual({ status: 422, error: 'unprocessable' });
    const [first] = errorsOf(body);
    const { message, ...rest } = at as { message: RegExp };
    expect(first).toMatchObject({ policy: 'odd', line: 4, column: expect.any(Number), ...rest });
    expect(`${first?.message} ${first?.help}`).toMatch(message);
  });

  test('with a hint at what was meant', async () => {
    const content =
      '@id("p") permit (principal, action, resource) when { principal.label == "x" };';
    const { body } = await call('POST', '/policies', { name: randomUUID(), content });
    expect(errorsOf(body)[0]?.help).toMatch(/labels/);
  });

  test.each([
    ['no @id', 'permit (principal, action, resource);', /@id/],
    ['an @id twice', `${permit('p')}\n${permit('p')}`, /another policy has this id/],
    [
      'over 32 KiB',
      `@id("p") permit (principal, action, ${' '.repeat(32_768)} resource);`,
      /32768/,
    ],
    ['a file over 256 KiB', `// ${'x'.repeat(262_144)}`, /262144/],
    [
      'a reason that callers cannot be told',
      `@id("p") @reason("é") @public ${DENY_ALL.slice(10)}`,
      /ASCII/,
    ],
  ])('for %s', async (_case, content, message) => {
    const { status, body } = await call('POST', '/policies', { name: randomUUID(), content });
    expect(status).toBe(422);
    expect(errorsOf(body)[0]?.message).toMatch(message);
  });

  test('in a set with an @id that another has', async () => {
    const versions = [await newPolicy(zone, permit('same')), await newPolicy(zone, permit('same'))];
    const { id } = await zone.admin('POST', '/policy-sets', { name: `set ${randomUUID()}` });
    const answer = await call('POST', `/policy-sets/${String(id)}/versions`, {
      policy_version_ids: versions.map((each) => each.id),
    });
    expect(answer.status).toBe(422);
    expect(errorsOf(answer.body)).toMatchObject([{ policy: 'same', message: /another policy/ }]);
  });

  test('in a set over 4 MiB', async () => {
    const versions = [];
    for (let n = 0; n < 17; n += 1) versions.push(await newPolicy(zone, big(n)));
    const { id } = await zone.admin('POST', '/policy-sets', { name: `set ${randomUUID()}` });
    const answer = await call('POST', `/policy-sets/${String(id)}/versions`, {
      policy_version_ids: versions.map((each) => each.id),
    });
    expect(answer.status).toBe(422);
    expect(errorsOf(answer.body)).toMatchObject([
      { policy: '*', message: 'together larger than 4194304 bytes' },
    ]);
  });
});

test.each([
  ['can never match', 'resource is Application', /impossible|never/i],
  ['are spelled almost right', null, /did you mean @step_up/],
])('policies that %s are warned about, and taken', async (_case, head, message) => {
  const content =
    head === null
      ? '@id("w") @stepUp("mfa") forbid (principal, action, resource);'
      : `@id("w") permit (principal, action, resource) when { ${head} };`;
  const { warnings } = await zone.admin('POST', '/policies', { name: randomUUID(), content });
  expect(warnings).toMatchObject([{ policy: 'w', line: 1 }]);
  const [first] = warnings as { message: string; help?: string }[];
  expect(`${first?.message} ${first?.help}`).toMatch(message);
});

test("a zone's schema takes what it adds, and nothing else", async () => {
  const asks = permit(
    'dept',
    `context has subject_claims && context.subject_claims has department && context.subject_claims.department == "hr"`,
  );
  const writeAsking = (where: TestZone) =>
    callAdmin(a, 'POST', `/zones/${where.zoneId}/policies`, { name: randomUUID(), content: asks });
  // Strictly, nothing can have what the schema does not know: no error, but never a match.
  expect((await writeAsking(zone)).body['warnings']).toMatchObject([{ policy: 'dept' }]);
  const extension = 'type SubjectClaims = { department?: String };';
  const put = await call('PUT', '/policy/schema', { extension });
  expect(put).toMatchObject({ status: 200, body: { zone_id: zone.zoneId, extension } });
  expect((await call('GET', '/policy/schema')).body).toEqual(put.body);
  expect(await auditOf(a.databaseUrl, put.requestId)).toMatchObject([
    { event: { type: 'admin.policy_schema.changed', before: null, after: extension } },
  ]);
  expect(await writeAsking(zone)).toMatchObject({ status: 201, body: { warnings: [] } });
  const elsewhere = await createTestZone(a);
  expect((await writeAsking(elsewhere)).body['warnings']).toMatchObject([{ policy: 'dept' }]);
  for (const bad of ['type Zone = 1;', 'type SubjectClaims = { x: String };', 'entity Robot;']) {
    const answer = await call('PUT', '/policy/schema', { extension: bad });
    expect(answer).toMatchObject({ status: 422, body: { error: 'unprocessable' } });
    expect(errorsOf(answer.body)[0]).toMatchObject({ policy: 'schema' });
  }
  expect((await call('GET', '/policy/schema')).body['extension']).toBe(extension);
});

const told = async (...contents: string[]) => {
  const { id } = await newSetVersion(zone, PERMIT_ALL, ...contents);
  await activate(a, zone.zoneId, id);
  const answer = await zone.sessionAt(a);
  const { decisions = [] } = await recordedPolicy(a, answer.requestId);
  const decision: Record<string, unknown> = decisions[0] ?? {};
  return { ...answer, decision };
};

const forbid = (id: string, annotations: string) =>
  `@id("${id}") ${annotations} forbid (principal, action, resource);`;

const life = async (annotations: string, ttl = {}) => {
  const content = `@id("p") ${annotations} permit (principal, action, resource);`;
  await activate(a, zone.zoneId, (await newSetVersion(zone, content)).id);
  const { body } = await zone.sessionAt(a, ttl);
  const { iat = 0, exp = 0 } = decodeJwt(String(body['access_token']));
  expect(exp - iat).toBe(body['expires_in']);
  return exp - iat;
};

describe('annotations', () => {
  test('@reason is for operators, and with @public for callers too', async () => {
    const silent = await told(forbid('s', '@reason("they are on our list")'));
    expect(silent).toMatchObject({ status: 403, body: { error: 'access_denied' } });
    expect(silent.body['error_description']).toBe('policy does not permit this exchange');
    expect(silent.decision['determining_policies']).toEqual([
      { policy: 's', effect: 'forbid', reason: 'they are on our list' },
    ]);
    const open = await told(
      forbid('s', '@reason("they are on our list")'),
      forbid('t', '@reason("closed today") @public'),
      forbid('u', '@reason("closed today") @public'),
      forbid('v', '@reason("ask Ann") @public'),
    );
    expect(open.status).toBe(403);
    expect(open.body['error_description']).toBe('closed today; ask Ann');
  });

  test('a public reason of what does not determine the answer is not told', async () => {
    const nobody =
      '@id("x") @reason("secret plan") @public forbid (principal == User::"x", action, resource);';
    const answer = await told(forbid('plain', ''), nobody);
    expect(answer.body['error_description']).toBe('policy does not permit this exchange');
    const permitted = await told(
      '@id("y") @reason("welcome") @public permit (principal, action, resource);',
      forbid('z', ''),
    );
    expect(permitted.body['error_description']).toBe('policy does not permit this exchange');
  });

  test('@step_up is owed unless another forbids', async () => {
    const owing = await told(forbid('mfa', '@step_up("mfa")'));
    expect(owing.decision).toMatchObject({ decision: 'step_up', step_up_required: 'mfa' });
    expect(owing.status).toBeGreaterThanOrEqual(400);
    const both = await told(forbid('mfa', '@step_up("mfa")'), forbid('plain', ''));
    expect(both.status).toBe(403);
    expect(both.decision).toMatchObject({ decision: 'deny' });
    expect(both.decision).not.toHaveProperty('step_up_required');
  });

  test('@max_ttl caps what is issued, and never raises it', async () => {
    expect(await life('@max_ttl("60")')).toBe(60);
    expect(await life('@max_ttl("60")', { ttl_seconds: '30' })).toBe(30);
    expect(await life('@max_ttl("60")', { ttl_seconds: '90' })).toBe(60);
    expect(await life('@max_ttl("86400")')).toBe(900);
  });
});

const granted = async (when: string, parameters: Record<string, string> = {}) => {
  await activate(a, zone.zoneId, (await newSetVersion(zone, permit('p', when))).id);
  return (await zone.sessionAt(a, parameters)).status === 200;
};

const near = (at: number) =>
  `context has time && context.time.epoch > ${at - 60} && context.time.epoch < ${at + 600}
   && context.time.hour >= 0 && context.time.weekday >= 1`;

const claim = (name: string, is: string) =>
  `context.subject_claims has ${name} && context.subject_claims.${name}${is}`;

describe('policies can ask for', () => {
  test('groups, labels and registration method of the client', async () => {
    const client = { labels: ['prod', 'eu'], groups: ['billing'] };
    const member = await zone.newClient(client);
    const as = { client_id: member.clientId, client_secret: member.secret };
    const whens: readonly (readonly [string, boolean, boolean])[] = [
      ['principal in Group::"billing"', true, false],
      ['principal in Group::"other"', false, false],
      ['principal has labels && principal.labels.containsAll(["prod", "eu"])', true, false],
      ['principal has groups && principal.groups.contains("billing")', true, false],
      [
        'principal has registration_method && principal.registration_method == "manual"',
        true,
        true,
      ],
    ];
    for (const [when, theirs, ours] of whens) {
      expect({ when, granted: await granted(when, as) }).toEqual({ when, granted: theirs });
      expect((await zone.sessionAt(a)).status === 200).toBe(ours);
    }
  });

  test('the lifetime that is asked for', async () => {
    const when = 'context has requested_ttl_seconds && context.requested_ttl_seconds <= 60';
    expect(await granted(when, { ttl_seconds: '60' })).toBe(true);
    expect((await zone.sessionAt(a, { ttl_seconds: '61' })).status).toBe(403);
    expect((await zone.sessionAt(a)).status).toBe(403);
  });

  test('the time', async () => {
    const now = Math.floor(Date.now() / 1_000);
    expect(await granted(near(now))).toBe(true);
    expect(await granted(near(now - 3_600))).toBe(false);
  });

  test("the subject's claims and the chain of actors", async () => {
    await zone.activate(PERMIT_ALL);
    const other = await zone.newClient();
    const [subject, actor] = await Promise.all([
      zone.sessionAt(a),
      zone.sessionAt(a, { client_id: other.clientId, client_secret: other.secret }),
    ]);
    const exchange = async (when: string, acting: boolean) => {
      await activate(a, zone.zoneId, (await newSetVersion(zone, permit('p', when))).id);
      const { status } = await zone.exchange({
        subject_token: String(subject.body['access_token']),
        ...(acting
          ? { actor_token: String(actor.body['access_token']), actor_token_type: ACCESS_TOKEN }
          : {}),
      });
      return status;
    };
    const guarded = [
      'context has subject_claims',
      claim('sub', ` == "${zone.clientId}"`),
      claim('sub_type', ' == "application"'),
      claim('use', ' == "session"'),
      claim('target', `.contains("${zone.resource}")`),
    ].join(' && ');
    expect(await exchange(guarded, false)).toBe(200);
    const acts = `context.actor_claims has act && context.actor_claims.act has sub
      && context.actor_claims.act.sub == "${other.clientId}"`;
    expect(await exchange(acts, true)).toBe(200);
    expect(await exchange(acts, false)).toBe(403);
  });
});
