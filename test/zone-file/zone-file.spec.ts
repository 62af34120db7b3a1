import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { callAdmin } from '../setup/zone.js';
import { fileForTest, mandate } from '../setup/zone-file.js';
import { richZone } from './rich-zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

const SAME = (name: string) => ({ code: 0, stdout: `zone ${name}\nNothing to do.\n`, stderr: '' });

async function zoneIdOf(name: string): Promise<string> {
  const { body } = await callAdmin(replica, 'GET', `/zones?name=${encodeURIComponent(name)}`);
  return String((body['items'] as { id: string }[])[0]?.id);
}

/** The types of the audit events of a zone, in order. */
async function auditOfZone(zoneId: string): Promise<string[]> {
  const events = await rows<{ type: string }>(
    replica.databaseUrl,
    `SELECT event_text::jsonb->>'type' AS type FROM audit_events WHERE zone_id = $1 ORDER BY id`,
    [zoneId],
  );
  return events.map(({ type }) => type);
}

test('a file with everything in it is applied; again, there is nothing to do; exported, it makes the same zone', async () => {
  const [name, other] = [`rich ${randomUUID()}`, `copy ${randomUUID()}`];
  const text = await richZone(name);
  const file = fileForTest(text);
  const planned = await mandate(replica, ['plan', '-f', file]);
  expect(planned.code).toBe(9);
  expect(await mandate(replica, ['apply', '-f', file, '--yes'])).toMatchObject({ code: 0 });
  const recorded = await auditOfZone(await zoneIdOf(name));
  expect(recorded.at(-1)).toBe('admin.policy.activated');

  expect(await mandate(replica, ['apply', '-f', file, '--yes'])).toEqual(SAME(name));
  expect(await mandate(replica, ['plan', '-f', file, '--prune'])).toEqual(SAME(name));

  const exported = await mandate(replica, ['export', name]);
  expect(exported).toMatchObject({ code: 0, stderr: '' });
  expect(exported.stdout).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-7|mds_|whsec_/);
  const same = fileForTest(exported.stdout);
  expect(await mandate(replica, ['apply', '-f', same, '--prune', '--yes'])).toEqual(SAME(name));
  expect(await auditOfZone(await zoneIdOf(name))).toEqual(recorded);

  const copy = exported.stdout.replace(`name: ${name}`, `name: ${other}`);
  expect(await mandate(replica, ['apply', '-f', fileForTest(copy), '--yes'])).toMatchObject({
    code: 0,
  });
  const again = await mandate(replica, ['export', other]);
  expect(again.stdout).toBe(copy);
});

/** A fetch that lets nothing through but what reads. */
function readingOnly(): typeof fetch {
  return (input, init) => {
    if ((init?.method ?? 'GET') !== 'GET') throw new Error(`${init?.method} was sent`);
    return fetch(input, init);
  };
}

const small = (name: string, more = '') => `apiVersion: mandate/v1
zone: { name: ${name} }
resources:
  - { identifier: https://orders.example, scopes: [orders:read], owner: billing }
clients:
  - { name: billing, labels: [a], default_resources: [https://orders.example] }
policies:
  - name: all
    text: |
      @id("all")
      permit (principal == Application::"\${client:billing}", action == Action::"TokenExchange", resource);
policy_set: { name: main }
${more}`;

async function applied(text: string, ...more: string[]) {
  const run = await mandate(replica, ['apply', '-f', fileForTest(text), '--yes', ...more]);
  expect(run).toMatchObject({ code: 0 });
  return run;
}

test('a plan only reads, and says what is otherwise, field by field and line by line', async () => {
  const name = `plan ${randomUUID()}`;
  await applied(small(name, 'step_up_types: [{ type: approval, satisfied_by: [operator] }]\n'));
  const zoneId = await zoneIdOf(name);
  const before = await auditOfZone(zoneId);
  await callAdmin(replica, 'POST', `/zones/${zoneId}/clients`, { name: 'by hand' });
  const by = (await mandate(replica, ['export', name])).stdout;
  const changed = small(name)
    .replace('[orders:read]', '[orders:read, orders:write]')
    .replace('labels: [a]', 'labels: [b]')
    .replace('resource);', 'resource) when { true };')
    .replace('zone: { name', `zone: { display_name: 'The "shop"', languages: [fr, en], name`);
  const file = fileForTest(
    `${changed}step_up_types: []\nwebhooks: [{ name: siem, url: https://hooks.example.com/a }]\n`,
  );
  const said = await mandate(replica, ['plan', '-f', file, '--prune'], { fetch: readingOnly() });
  expect(said).toEqual({
    code: 9,
    stderr: '',
    stdout: `zone ${name}
  ~ zone ${name}
      display_name: none → "The \\"shop\\""
      languages: +"fr"
  ~ resource https://orders.example
      scopes: +"orders:write"
  ~ client billing
      labels: -"a" +"b"
  + webhook siem
      url: "https://hooks.example.com/a"
  - step-up type approval (deleted, with all that hangs on it)
  - client by hand (deleted, with all that hangs on it)
  ~ policy all
      text:
         @id("all")
        -permit (principal == Application::"\${client:billing}", action == Action::"TokenExchange", resource);
        +permit (principal == Application::"\${client:billing}", action == Action::"TokenExchange", resource) when { true };
  ~ active policy set main
      new versions of: ["all"]
To do: 1 to create, 5 to change, 2 to delete.
`,
  });
  const unpruned = await mandate(replica, ['plan', '-f', file, '--json'], { fetch: readingOnly() });
  expect(JSON.parse(unpruned.stdout)).toMatchObject({
    zones: [
      {
        zone: name,
        zone_id: zoneId,
        changes: expect.arrayContaining([
          {
            action: 'change',
            noun: 'client',
            name: 'billing',
            changes: [{ field: 'labels', from: ['a'], to: ['b'] }],
          },
        ]) as unknown,
        unmanaged: [
          { noun: 'step-up type', name: 'approval' },
          { noun: 'client', name: 'by hand' },
        ],
      },
    ],
  });
  expect(await auditOfZone(zoneId)).toEqual([...before, 'admin.client.created']);
  expect((await mandate(replica, ['export', name])).stdout).toBe(by);
});

/** A fetch that ends everything at its n-th request that changes something: before it arrives, or before its answer does. */
function killedAt(count: number, arrives: boolean): typeof fetch {
  let left = count;
  return async (input, init) => {
    const changes = (init?.method ?? 'GET') !== 'GET';
    if (changes) left -= 1;
    if (left > 0 || !changes) return fetch(input, init);
    if (arrives && left === 0) await fetch(input, init);
    throw new Error('killed');
  };
}

test('stopped anywhere, and applied again, it is done, and nothing twice', async () => {
  const whole = `${small('NAME')}issuers:
  - issuer: https://idp.example
    jwks_uri: https://idp.example/keys
    audiences: [a]
    token_types: [jwt]
    allowed_clients: [billing]
`;
  // Zone, resource, client, its first change of others, set, activation: where it is cut is between any two of them.
  for (const [cut, arrives] of [
    [1, true],
    [2, false],
    [3, true],
    [4, true],
    [5, true],
    [6, false],
    [7, true],
    [8, true],
    [9, true],
  ] as const) {
    const name = `cut ${randomUUID()}`;
    const file = fileForTest(whole.replace('NAME', name));
    const first = await mandate(replica, ['apply', '-f', file, '--yes'], {
      fetch: killedAt(cut, arrives),
    });
    expect([cut, first.code]).toEqual([cut, 1]);
    expect(first.stderr).toContain('it is not known whether that was done');
    // What activates are three requests of one step.
    const done = Math.min(cut - 1, 6);
    const before = done === 0 ? '' : `; ${done} step${done === 1 ? ' was' : 's were'} done before`;
    expect(first.stderr).toContain(`whether that was done${before}`);
    expect(await mandate(replica, ['apply', '-f', file, '--yes'])).toMatchObject({ code: 0 });
    expect(await mandate(replica, ['plan', '-f', file, '--prune'])).toEqual(SAME(name));
    const types = await auditOfZone(await zoneIdOf(name));
    const once = types.filter((type) => !type.endsWith('.changed'));
    expect([cut, once.toSorted()]).toEqual([cut, [...new Set(once)].toSorted()]);
  }
});

test('a change in between stops it, and says so', async () => {
  const name = `race ${randomUUID()}`;
  await applied(small(name));
  const zoneId = await zoneIdOf(name);
  const file = fileForTest(small(name).replace('labels: [a]', 'labels: [b]'));
  const { body } = await callAdmin(replica, 'GET', `/zones/${zoneId}/clients`);
  const [{ id }] = body['items'] as [{ id: string }];
  const asked = await mandate(replica, ['apply', '-f', file], {
    answer: async () => {
      await callAdmin(replica, 'PATCH', `/zones/${zoneId}/clients/${id}`, { labels: ['hand'] });
      return 'yes';
    },
  });
  expect(asked.code).toBe(6);
  expect(asked.stderr).toMatch(
    /could not change client billing.*\nnothing was changed\n.*run mandate plan again/s,
  );
  const drift = await mandate(replica, ['plan', '-f', file]);
  expect(drift.stdout).toContain('  ~ client billing\n      labels: -"hand" +"b"\n');

  const other = fileForTest(small(name).replace('labels: [a]', 'labels: [c]'));
  const both = await Promise.all(
    [file, other].map((each) => mandate(replica, ['apply', '-f', each, '--yes'])),
  );
  // They may have come one after the other, too.
  expect(Math.min(...both.map(({ code }) => code ?? 1))).toBe(0);
  expect(both.every(({ code }) => code === 0 || code === 6)).toBe(true);
  const won = await callAdmin(replica, 'GET', `/zones/${zoneId}/clients/${id}`);
  expect([['b'], ['c']]).toContainEqual(won.body['labels']);
});

test('terms of step-up and a schema that somebody sets in between are not lost', async () => {
  const name = `terms ${randomUUID()}`;
  const types = (seconds: number) =>
    `step_up_types: [{ type: approval, satisfied_by: [operator], lifetime_seconds: ${seconds} }]\n`;
  const schema = (entity: string) => `policy_schema: { text: "type ${entity} = { a: String };" }\n`;
  await applied(small(name));
  const zoneId = await zoneIdOf(name);
  const inBetween = async (more: string, change: () => Promise<{ readonly status: number }>) => {
    const asked = await mandate(replica, ['apply', '-f', fileForTest(small(name, more))], {
      answer: async () => {
        expect(await change()).toMatchObject({ status: 200 });
        return 'yes';
      },
    });
    expect(asked).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('nothing was changed'),
    });
  };
  const terms = `/zones/${zoneId}/step-up-types/approval`;
  const setLifetime = (seconds: number) => () =>
    callAdmin(replica, 'PATCH', terms, { lifetime_seconds: seconds });
  // Of a type that nobody had terms for, and of one that has them.
  await inBetween(types(200), setLifetime(250));
  await inBetween(types(200), setLifetime(400));
  expect((await callAdmin(replica, 'GET', terms)).body).toMatchObject({ lifetime_seconds: 400 });
  await applied(small(name, types(200)));

  const path = `/zones/${zoneId}/policy/schema`;
  const extension = 'type ByHand = { a: String };';
  await inBetween(schema('Ours'), () => callAdmin(replica, 'PUT', path, { extension }));
  expect((await callAdmin(replica, 'GET', path)).body).toMatchObject({ extension });
  await applied(small(name, schema('Ours')));
});

test('it does nothing unless a person says yes', async () => {
  const name = `asked ${randomUUID()}`;
  const file = fileForTest(small(name));
  const fetching = { fetch: readingOnly() };
  expect(await mandate(replica, ['apply', '-f', file], fetching)).toMatchObject({ code: 2 });
  const no = await mandate(replica, ['apply', '-f', file], {
    ...fetching,
    answer: () => Promise.resolve('y'),
  });
  expect(no).toMatchObject({ code: 1, stderr: 'nothing was done\n' });
  expect(await mandate(replica, ['export', name])).toMatchObject({ code: 5 });
});

test('what names nothing is refused with its place, before anything is done', async () => {
  const name = `wrong ${randomUUID()}`;
  const text = small(name)
    .replace('owner: billing', 'owner: biling')
    .replace('[https://orders.example]', '[https://order.example]');
  const file = fileForTest(text);
  const run = await mandate(replica, ['apply', '-f', file, '--yes'], { fetch: readingOnly() });
  expect(run).toEqual({
    code: 7,
    stdout: '',
    stderr: `${file}:4:73: resources[0].owner: there is no client biling, here or in the zone
${file}:6:54: clients[0].default_resources: there is no resource https://order.example, here or in the zone
`,
  });
  const policy = fileForTest(small(name).replace('client:billing', 'client:nobody'));
  expect((await mandate(replica, ['plan', '-f', policy])).stderr).toContain(
    'policy all, line 2: there is no client nobody',
  );
});

test('what a second operator has to approve waits, and applied again goes on', async () => {
  const name = `approved ${randomUUID()}`;
  const file = fileForTest(small(name));
  const approval = { id: randomUUID() };
  const refusal = { error: 'approval_required', error_description: 'another has to', approval };
  const waiting = await mandate(replica, ['apply', '-f', file, '--yes'], {
    fetch: (input, init) => {
      if (init?.method !== 'PUT') return fetch(input, init);
      return Promise.resolve(Response.json(refusal, { status: 428 }));
    },
  });
  expect(waiting.code).toBe(8);
  expect(waiting.stderr).toContain(
    `could not activate policy set main: another has to\n5 steps were done before`,
  );
  expect(waiting.stderr).toContain(`as approval ${approval.id}: do the same again`);
  expect(await mandate(replica, ['apply', '-f', file, '--yes'])).toMatchObject({ code: 0 });
  // An approval is for just the same request: no other version of the set was made for it.
  const types = await auditOfZone(await zoneIdOf(name));
  expect(types.filter((type) => type === 'admin.policy_set_version.created')).toHaveLength(1);
});
