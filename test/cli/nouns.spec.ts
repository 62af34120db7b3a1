import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { captured, type Around } from '../../src/cli/captured.fixture.js';
import { NOUNS } from '../../src/cli/nouns/nouns.js';
import { EXIT } from '../../src/cli/command-result.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { callAdmin, createTestZone, postForm, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

/** Runs a command line on the zone, given by its id unless it says another. */
function mandate(line: string | readonly string[], around: Around = {}) {
  const words = typeof line === 'string' ? line.split(' ') : line;
  const settings = {
    url: replica.url,
    token: replica.adminToken,
    zone: zone.zoneId,
    ...around.settings,
  };
  return captured(words, { ...around, settings });
}

/** The same with `--json`; fails unless it worked. */
async function answered(line: string | readonly string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await mandate([
    ...(typeof line === 'string' ? line.split(' ') : line),
    '--json',
  ]);
  expect([code, err]).toEqual([0, expect.not.stringContaining('error')]);
  return { ...(JSON.parse(out) as object) };
}

const get = async (path: string) =>
  (await callAdmin(replica, 'GET', `/zones/${zone.zoneId}${path}`)).body;

async function fileWith(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mandate-cli-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'file');
  await writeFile(path, content);
  return path;
}

test('a zone is set up by names only, up to a mandate', async () => {
  const name = `by name ${randomUUID()}`;
  const settings = { zone: name };
  const run = async (line: readonly string[]) => {
    const { code, out, err } = await mandate([...line, '--json'], { settings });
    expect([line, code, err]).toEqual([line, 0, expect.anything()]);
    return { ...(JSON.parse(out) as Record<string, unknown>) };
  };
  const words = ['--display-name', 'Example Ltd', '--language', 'de', '--language', 'en'];
  const made = await run(['zones', 'create', name, ...words]);
  expect(made).toMatchObject({ name, display_name: 'Example Ltd', languages: ['de', 'en'] });
  const resource = 'https://orders.example';
  await run(['resources', 'create', resource, '--scope', 'orders:read', '--scope', 'orders:write']);
  const client = await run(['clients', 'create', 'billing', '--label', 'batch']);
  const policy = await fileWith('@id("orders") permit (principal, action, resource);');
  await run(['policies', 'create', 'orders', '--file', policy]);
  await run(['policy-sets', 'create', 'main']);
  await run(['policy-sets', 'versions', 'add', 'main', '--policy', 'orders']);
  await run(['policy-sets', 'activate', 'main']);
  const answer = await postForm(replica.url, {
    grant_type: 'client_credentials',
    client_id: String(client['client_id']),
    client_secret: String(client['client_secret']),
    resource,
    scope: 'orders:read',
  });
  expect(answer.status).toBe(200);
});

describe('a list', () => {
  test('is a table for people, with the names of its columns', async () => {
    const { code, out } = await mandate('clients list', { width: 200 });
    const [head, ...lines] = out.trimEnd().split('\n');
    expect([code, head]).toEqual([0, expect.stringMatching(/^name +id +auth methods +labels/)]);
    expect(lines.some((line) => line.includes(zone.clientId))).toBe(true);
  });

  test('is a line of the API`s JSON for each thing with --json, and as many as --limit says', async () => {
    const { out } = await mandate('resources list --json');
    const { items } = await get('/resources');
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
    ).toEqual(items);
    const { out: one } = await mandate('resources list --json --limit 1');
    expect(one.trimEnd().split('\n')).toHaveLength(1);
  });

  test.each(NOUNS.filter(({ verbs }) => verbs.list === true).map(({ name }) => name))(
    'of %s can be had',
    async (name) => {
      const { code, out } = await mandate([name, 'list', '--limit', '5', '--json']);
      expect(code).toBe(0);
      const columns = NOUNS.find((noun) => noun.name === name)?.columns ?? [];
      for (const line of out.split('\n').filter((each) => each !== '')) {
        const members = Object.keys(JSON.parse(line) as object);
        expect(columns.filter(({ member }) => members.includes(member))).not.toEqual([]);
      }
    },
  );
});

describe('one thing', () => {
  test('is found by its name as by its id, and shown as the API has it', async () => {
    const { id, ...client } = await answered(['clients', 'create', `c ${randomUUID()}`]);
    const shown = await get(`/clients/${String(id)}`);
    expect(await answered(['clients', 'show', String(client['name'])])).toEqual(shown);
    expect(await answered(['clients', 'show', String(id)])).toEqual(shown);
  });

  test('that there is not is said so, with what may be meant', async () => {
    const name = `payments-${randomUUID()}`;
    await answered(['clients', 'create', name]);
    const { code, out, err } = await mandate([
      'clients',
      'show',
      name.replace('payments', 'paymetns'),
    ]);
    expect([code, out]).toEqual([5, '']);
    expect(err).toMatch(/^there is no client "paymetns-/);
    expect(err).toContain(`did you mean "${name}"?`);
    expect(await mandate(`clients show ${randomUUID()}`)).toMatchObject({ code: 5 });
    expect(await mandate('sessions show nobody')).toMatchObject({ code: 2 });
  });

  test('that is in a zone needs the zone', async () => {
    const settings = { zone: undefined };
    const { code, err } = await mandate('clients list', { settings });
    expect([code, err]).toEqual([2, expect.stringContaining('--zone or MANDATE_ZONE')]);
    const missing = await mandate('clients list --zone nowhere');
    expect([missing.code, missing.err]).toEqual([5, expect.stringContaining('no zone "nowhere"')]);
  });
});

describe('a change', () => {
  const newClient = async (...options: readonly string[]) =>
    String((await answered(['clients', 'create', `c ${randomUUID()}`, ...options]))['name']);

  test('says what is different, and leaves what was not said', async () => {
    const name = await newClient('--label', 'a', '--description', 'it pays');
    const { code, out } = await mandate([
      'clients',
      'update',
      name,
      '--add',
      'labels=b',
      '--disabled',
    ]);
    expect([code, out.split('\n').toSorted()]).toEqual([
      0,
      ['', 'disabled: no → yes', 'labels: a → a, b'],
    ]);
    await mandate(['clients', 'update', name, '--remove', 'labels=a', '--unset', 'description']);
    const shown = await answered(['clients', 'show', name]);
    expect(shown).toMatchObject({ labels: ['b'], disabled: true });
    expect(shown).not.toHaveProperty('description');
    const set = ['--set', 'labels=[]', '--set', 'description=paid', '--no-disabled'];
    expect(await answered(['clients', 'update', name, ...set])).toMatchObject({
      labels: [],
      description: 'paid',
      disabled: false,
    });
    expect(await mandate(['clients', 'update', name])).toMatchObject({ code: 2 });
  });

  test('of what somebody else changes in between is refused, and loses nothing', async () => {
    const name = await newClient();
    let meddled = false;
    const meddling: typeof fetch = async (input, init) => {
      if (init?.method === 'PATCH' && !meddled) {
        meddled = true;
        await answered(['clients', 'update', name, '--label', 'theirs']);
      }
      return fetch(input, init);
    };
    const surroundings = { fetch: meddling };
    const ours = await mandate(['clients', 'update', name, '--label', 'ours'], { surroundings });
    expect([ours.code, ours.err]).toEqual([6, expect.stringContaining('in between')]);
    expect(await answered(['clients', 'show', name])).toMatchObject({ labels: ['theirs'] });
    const stale = await mandate(['clients', 'update', name, '--label', 'x', '--if-match', '"old"']);
    expect(stale.code).toBe(6);
  });

  test('names what is in the way', async () => {
    const name = await newClient();
    const taken = await mandate(['clients', 'create', name]);
    expect([taken.code, taken.err]).toEqual([6, expect.stringContaining('name')]);
    const wrong = await mandate(['clients', 'update', name, '--set', 'labels=7']);
    expect([wrong.code, wrong.err]).toEqual([7, expect.stringContaining('labels')]);
    const settings = { token: 'another-token-0123456789' };
    expect(await mandate('zones list', { settings })).toMatchObject({ code: 4, out: '' });
  });
});

describe('a deletion', () => {
  test('says what hangs on it and asks; without a person it needs --yes', async () => {
    const identifier = `https://${randomUUID()}.example`;
    await answered(['resources', 'create', identifier, '--scope', 'x']);
    await answered(['clients', 'create', `c ${randomUUID()}`, '--default-resource', identifier]);
    const line = ['resources', 'delete', identifier];
    const there = async () => (await mandate(['resources', 'show', identifier])).code === 0;

    expect((await answered([...line, '--dry-run']))['dry_run']).toBe(true);
    expect(await mandate(line)).toMatchObject({ code: 2 });
    const no = await mandate(line, { answers: ['n'] });
    expect([no.code, no.err]).toEqual([1, expect.stringContaining('default of clients: 1')]);
    expect(await there()).toBe(true);
    expect(await mandate(line, { answers: ['y'] })).toMatchObject({ code: 0 });
    expect(await there()).toBe(false);
    await answered(['resources', 'create', identifier, '--scope', 'x']);
    expect(await mandate([...line, '--yes', '--if-match', '"other"'])).toMatchObject({ code: 6 });
    expect(await mandate([...line, '--yes'])).toMatchObject({ code: 0 });
    expect(await there()).toBe(false);
  });
});

describe('a secret', () => {
  test('that is shown once goes to the standard output, and the hint beside it', async () => {
    const { out, err } = await mandate(['clients', 'create', `c ${randomUUID()}`, '--json']);
    const { client_secret: secret } = JSON.parse(out) as Record<string, string>;
    expect(secret).toMatch(/^mds_/);
    expect(err).toContain('shown this once');
    expect(err).not.toContain(secret);
  });

  test('that exists elsewhere comes from a file or the standard input', async () => {
    const name = `c ${randomUUID()}`;
    const { client_id: id } = await answered(['clients', 'create', name]);
    const secret = `imported ${randomUUID()}`;
    const add = ['clients', 'secrets', 'add', name, '--secret-file', '-'];
    expect(await mandate(add, { input: `${secret}\n` })).toMatchObject({ code: 0 });
    const answer = await postForm(replica.url, {
      grant_type: 'client_credentials',
      client_id: String(id),
      client_secret: secret,
      resource: zone.resource,
      scope: 'a:read',
    });
    expect(answer.status).toBe(200);
    const { out } = await mandate(['clients', 'secrets', 'list', name, '--json']);
    const [first] = out.split('\n').map((line) => JSON.parse(line || '{}') as { id?: string });
    const revoke = ['clients', 'secrets', 'revoke', name, String(first?.id)];
    expect((await answered([...revoke, '--dry-run']))['dry_run']).toBe(true);
    expect(await mandate(revoke)).toMatchObject({ code: 2 });
    expect(await mandate([...revoke, '--yes'])).toMatchObject({ code: 0 });
    expect(
      (await mandate(['clients', 'secrets', 'list', name, '--json'])).out.split('\n'),
    ).toHaveLength(2);
  });
});

describe('what only some nouns can', () => {
  test('a challenge is approved by who has read what it is about', async () => {
    const own = await createTestZone(replica);
    await own.activate(APPROVE_WRITES);
    const held = heldIn(await own.session({ scope: 'a:write' }));
    const settings = { zone: own.zoneId };
    const line = ['challenges', 'approve', held.id, '--reason', 'known'];
    const no = await mandate(line, { settings, answers: ['n'] });
    expect([no.code, no.err]).toEqual([1, expect.stringContaining(own.resource)]);
    const yes = await mandate([...line, '--json'], { settings, answers: ['y'] });
    expect(JSON.parse(yes.out)).toMatchObject({ state: 'approved' });
    const [row] = await rows(
      replica.databaseUrl,
      'SELECT decision, reason FROM challenge_decisions WHERE challenge_id = $1',
      [held.id],
    );
    expect(row).toEqual({ decision: 'approved', reason: 'known' });
  });

  test('what was issued is taken back, of exactly one thing, and only if that is meant', async () => {
    const name = `c ${randomUUID()}`;
    const { id } = await answered(['clients', 'create', name]);
    const order = ['revocations', 'order', '--client', name, '--reason', 'leaked'];
    expect(await mandate([...order, '--whole-zone'])).toMatchObject({ code: 2 });
    expect(await mandate(order, { answers: ['n'] })).toMatchObject({ code: 1 });
    expect((await answered([...order, '--dry-run']))['dry_run']).toBe(true);
    const orders = async () =>
      rows(replica.databaseUrl, 'SELECT id FROM revocation_orders WHERE zone_id = $1', [
        zone.zoneId,
      ]);
    expect(await orders()).toEqual([]);
    expect(await answered([...order, '--yes'])).toMatchObject({ target: { client_id: id } });
    expect(await orders()).toHaveLength(1);
  });

  test('a policy is tried, activated in a version by its number, and why is told by the id of a request', async () => {
    const own = await createTestZone(replica);
    const settings = { zone: own.zoneId };
    const run = async (...line: readonly string[]) => {
      const { code, out, err } = await mandate([...line, '--json'], { settings });
      expect([line, code, err]).toEqual([line, 0, '']);
      return JSON.parse(out) as Record<string, unknown>;
    };
    const text = (id: string) => fileWith(`@id("${id}") permit (principal, action, resource);`);
    await run('policies', 'create', 'p', '--file', await text('one'));
    await run('policies', 'versions', 'add', 'p', '--file', await text('two'));
    await run('policy-sets', 'create', 'set');
    const first = await run('policy-sets', 'versions', 'add', 'set', '--policy', 'p@1');
    const second = await run('policy-sets', 'versions', 'add', 'set', '--policy', 'p');
    expect(first['policy_version_ids']).not.toEqual(second['policy_version_ids']);
    await run('policy-sets', 'shadow', 'try', 'set');
    const active = await run('policy-sets', 'activate', 'set', '--version-id', '1');
    expect(active['policy_set_version_id']).toBe(first['id']);
    const latest = await run('policy-sets', 'activate', 'set');
    expect(latest['policy_set_version_id']).toBe(second['id']);

    const { requestId } = await own.session();
    const decided = await run('decisions', 'show', requestId);
    expect(JSON.stringify(decided)).toContain('"two"');
    const unknown = await mandate(`decisions show ${randomUUID()}`);
    expect(unknown.code).toBe(5);
  });

  test('terms of a step-up type keep what is not said', async () => {
    await answered(
      'step-up-types update payment --set lifetime_seconds=60 --satisfied-by operator --quorum 1 --no-requester-may-satisfy --no-subject-may-satisfy --acr pay --reuse 0',
    );
    const changed = await answered('step-up-types update payment --lifetime 90');
    expect(changed).toMatchObject({ quorum: 1, lifetime_seconds: 90, acr: 'pay' });
    expect(await mandate('step-up-types reset payment --yes')).toMatchObject({ code: 0 });
  });
});

test('a version of a set is tried on what was decided, and activated if nobody would feel it', async () => {
  const own = await createTestZone(replica);
  await own.session();
  const settings = { zone: own.zoneId };
  const policy = await fileWith('@id("none") forbid (principal, action, resource);');
  for (const line of [
    ['policies', 'create', 'none', '--file', policy],
    ['policy-sets', 'create', 'candidate'],
    ['policy-sets', 'versions', 'add', 'candidate', '--policy', 'none'],
  ]) {
    expect((await mandate(line, { settings })).code).toBe(0);
  }
  const run = await mandate('policy-sets replay run candidate --days 1', { settings });
  expect([run.code, run.err]).toEqual([0, '']);
  expect(run.out).toContain('1 would be other ones: allow to deny 1');
  expect(run.out).toContain(own.resource);
  const listed = await mandate('policy-sets replay list --json', { settings });
  const { id } = JSON.parse(listed.out) as { id: string };
  const shown = await mandate(`policy-sets replay show ${id} --wait --json`, { settings });
  expect(JSON.parse(shown.out)).toMatchObject({ id, state: 'done', changed: 1 });
  const cancelled = await mandate(`policy-sets replay cancel ${id}`, { settings });
  expect(cancelled).toMatchObject({ code: EXIT.conflict, err: expect.stringContaining('done') });
  const activate = (most: string) =>
    mandate(`policy-sets activate candidate --max-changes ${most}`, { settings });
  expect(await activate('0')).toMatchObject({ code: EXIT.conflict });
  expect(await activate('many')).toMatchObject({ code: EXIT.usage });
  expect(await activate('1')).toMatchObject({ code: 0 });
});

test('what nobody used is told, with a policy that forbids it and changes nothing that was decided', async () => {
  const own = await createTestZone(replica);
  await own.session();
  for (const table of ['clients', 'resources']) {
    await rows(
      replica.databaseUrl,
      `UPDATE ${table} SET created_at = now() - interval '2 days', updated_at = NULL WHERE zone_id = $1`,
      [own.zoneId],
    );
  }
  const settings = { zone: own.zoneId };
  const folder = await mkdtemp(join(tmpdir(), 'mandate-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const out = join(folder, 'narrower.cedar');
  const told = await mandate(['policy-sets', 'advise', '--days', '1', '--out', out], { settings });
  expect([told.code, told.err]).toEqual([0, '']);
  expect(told.out).toContain(own.otherResource);
  expect(told.out).toContain('a:write shared');
  expect(told.out).toContain('by that policy 0 of 1 decisions would be other ones');
  expect(await readFile(out, 'utf8')).toContain(`resource == Resource::"${own.otherResource}"`);
  const again = ['policy-sets', 'advise', '--days', '1', '--out', out];
  expect((await mandate(again, { settings })).code).not.toBe(0);
  const json = await mandate('policy-sets advise --days 1 --no-replay --json', { settings });
  expect(JSON.parse(json.out)).toMatchObject({
    state: 'done',
    advice: { policy: { replay: { changed: 0 } } },
  });
  expect(await mandate('policy-sets advise --days few', { settings })).toMatchObject({
    code: EXIT.usage,
  });
});
