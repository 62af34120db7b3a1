import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { callAdmin, postForm } from '../setup/zone.js';
import { fileForTest, mandate } from '../setup/zone-file.js';

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

const cedar = (id: string) => `@id("${id}") forbid (principal, action, resource);`;

/** A zone file with these policies, and a set of them. */
const zoneOf = (name: string, policies: readonly string[], set = 'main') =>
  `apiVersion: mandate/v1
zone: { name: ${name} }
policies:
${policies.map((each) => `  - { name: ${each}, text: '${cedar(each)}' }\n`).join('')}policy_set: { name: ${set} }
`;

async function apply(text: string, ...more: string[]) {
  const run = await mandate(replica, ['apply', '-f', fileForTest(text), '--yes', ...more]);
  expect(run).toMatchObject({ code: 0 });
  return run;
}

/** Asks about a zone. */
async function zoneNamed(name: string) {
  const { body } = await callAdmin(replica, 'GET', `/zones?name=${encodeURIComponent(name)}`);
  const at = `/zones/${String((body['items'] as { id: string }[])[0]?.id)}`;
  const call = async (method: string, path: string, sent?: object) => {
    const answer = await callAdmin(replica, method, `${at}${path}`, sent);
    expect(answer.status).toBeLessThan(300);
    return answer.body;
  };
  return {
    id: at.slice('/zones/'.length),
    call,
    /** Makes a policy and, if that is named, a set of it. @returns the version of the set */
    async make(policy: string, set?: string): Promise<string> {
      const made = await call('POST', '/policies', { name: policy, content: cedar(policy) });
      if (set === undefined) return '';
      const { id } = await call('POST', '/policy-sets', { name: set });
      const version = await call('POST', `/policy-sets/${String(id)}/versions`, {
        policy_version_ids: [(made['version'] as { id: string }).id],
      });
      return String(version['id']);
    },
    names: async (path: string) =>
      ((await call('GET', path))['items'] as { name: string }[])
        .map((item) => item.name)
        .toSorted(),
  };
}

async function deletionsIn(zoneId: string): Promise<string[]> {
  const events = await rows<{ type: string }>(
    replica.databaseUrl,
    `SELECT event_text::jsonb->>'type' AS type FROM audit_events
      WHERE zone_id = $1 AND event_text::jsonb->>'type' LIKE '%.deleted' ORDER BY id`,
    [zoneId],
  );
  return events.map(({ type }) => type);
}

test('--prune removes policy sets and policies that are not in the file, but none that decides, is tried, or is in a set that stays', async () => {
  const name = `pruned ${randomUUID()}`;
  await apply(zoneOf(name, ['all', 'before']));
  await apply(zoneOf(name, ['all']));
  const zone = await zoneNamed(name);
  await zone.make('stray');
  await zone.make('bound', 'trial');
  const tried = await zone.make('candidate', 'tried');
  await zone.call('PUT', '/policy/shadow', { policy_set_version_id: tried });
  const file = fileForTest(zoneOf(name, ['all']));
  const unpruned = await mandate(replica, ['plan', '-f', file]);
  expect(unpruned.stdout).toBe(`zone ${name}
  not in the file, and left as they are (--prune removes what can be removed):
    policy set trial
    policy set tried
    policy before
    policy stray
    policy bound
    policy candidate
Nothing to do.
`);
  const left = `  not in the file, and left as they are (--prune removes what can be removed):
    policy set tried
    policy before
    policy candidate
`;
  const planned = await mandate(replica, ['plan', '-f', file, '--prune']);
  expect(planned).toMatchObject({
    code: 9,
    stdout: `zone ${name}
  - policy set trial (deleted, with all that hangs on it)
  - policy stray (deleted, with all that hangs on it)
  - policy bound (deleted, with all that hangs on it)
${left}To do: 0 to create, 0 to change, 3 to delete.
`,
  });
  await apply(zoneOf(name, ['all']), '--prune');
  expect(await zone.names('/policy-sets')).toEqual(['main', 'tried']);
  expect(await zone.names('/policies')).toEqual(['all', 'before', 'candidate']);
  expect(await deletionsIn(zone.id)).toEqual([
    'admin.policy_set.deleted',
    'admin.policy.deleted',
    'admin.policy.deleted',
  ]);
  const again = await mandate(replica, ['apply', '-f', file, '--prune', '--yes']);
  expect(again).toEqual({ code: 0, stdout: `zone ${name}\n${left}Nothing to do.\n`, stderr: '' });
});

test('a set that decided is removed once another one does; killed anywhere in between, the rest is done later', async () => {
  for (const cut of [3, 4, 5, 6]) {
    const name = `moved ${randomUUID()}`;
    await apply(zoneOf(name, ['all', 'old']));
    const file = fileForTest(zoneOf(name, ['all'], 'other'));
    let left = cut;
    // The set, its version, the activation, the old set and the old policy: a sixth change there is not.
    const run = await mandate(replica, ['apply', '-f', file, '--prune', '--yes'], {
      fetch: async (input, init) => {
        if ((init?.method ?? 'GET') === 'GET') return fetch(input, init);
        left -= 1;
        if (left > 0) return fetch(input, init);
        await fetch(input, init);
        throw new Error('killed');
      },
    });
    expect([cut, run.code]).toEqual([cut, cut === 6 ? 0 : 1]);
    const zone = await zoneNamed(name);
    expect((await zone.call('GET', '/policy'))['policy_set_version_id']).toEqual(
      expect.any(String),
    );
    await apply(zoneOf(name, ['all'], 'other'), '--prune');
    expect(await zone.names('/policy-sets')).toEqual(['other']);
    expect(await zone.names('/policies')).toEqual(['all']);
    expect(await deletionsIn(zone.id)).toEqual([
      'admin.policy_set.deleted',
      'admin.policy.deleted',
    ]);
  }
});

test('without a policy set in the file, none is removed, and no policy that is in one', async () => {
  const name = `unset ${randomUUID()}`;
  await apply(zoneOf(name, ['all']));
  const zone = await zoneNamed(name);
  await zone.make('stray');
  const text = `apiVersion: mandate/v1\nzone: { name: ${name} }\npolicies: []\n`;
  await apply(text, '--prune');
  expect(await zone.names('/policies')).toEqual(['all']);
  expect(await zone.names('/policy-sets')).toEqual(['main']);
  // Nor any that is not the file's affair.
  await zone.make('another');
  await apply(`apiVersion: mandate/v1\nzone: { name: ${name} }\n`, '--prune');
  expect(await zone.names('/policies')).toEqual(['all', 'another']);
});

test('what is wrong with a policy is found by plan, where it stands, before anything is there', async () => {
  const folder = dirname(fileForTest('', 'unused'));
  fileForTest('@id("c")\nforbid (principal, action, resource) when { 1 };\n', 'c.cedar', folder);
  const text = `apiVersion: mandate/v1
zone: { name: faulty ${randomUUID()} }
clients: [{ name: billing }]
policies:
  - name: a
    text: |

      @id("a")
      permit (principal == Application::"\${client:billing}", action == Action::"TokenExchang", resource);
  - name: b
    text: '@id("b") permit (principal, action, resource'
  - name: c
    file: c.cedar
  - name: fine
    text: '@id("fine") forbid (principal, action, resource);'
policy_set: { name: main, policies: [a, fine] }
`;
  const file = fileForTest(text, 'zone.yaml', folder);
  const run = await mandate(replica, ['plan', '-f', file]);
  expect(run).toMatchObject({ code: 7, stdout: '' });
  expect(run.stderr.split('\n').map((line) => line.replace(`${file}:`, ''))).toEqual([
    expect.stringMatching(/^9:72: policy a: unrecognized action .*; did you mean/),
    expect.stringMatching(/^11:11, line 1, column \d+ of the text: policy b: /),
    expect.stringMatching(/^c\.cedar:2:\d+: policy c: /),
    '',
  ]);
  const schema = text
    .replace(/^policies:[^]*/m, '')
    .concat('policy_schema:\n  text: |\n    type SubjectClaims = {\n      a: Strin\n    };\n');
  const other = await mandate(replica, ['plan', '-f', fileForTest(schema)]);
  expect(other).toMatchObject({
    code: 7,
    stderr: expect.stringMatching(/zone\.yaml:\d+:\d+: policy_schema: /),
  });
});

test('a plan asks for as much of five policies with five versions as of one', async () => {
  const asked = async (count: number) => {
    const name = `many ${randomUUID()}`;
    const policies = Array.from({ length: count }, (_, n) => `p${n}`);
    await apply(zoneOf(name, policies));
    const zone = await zoneNamed(name);
    const { items } = await zone.call('GET', '/policies');
    for (const { id, name: policy } of items as { id: string; name: string }[]) {
      for (let n = 1; n < count; n += 1) {
        const content = `${cedar(policy)} // ${n}`;
        await zone.call('POST', `/policies/${id}/versions`, { content });
      }
    }
    const paths: string[] = [];
    const run = await mandate(replica, ['plan', '-f', fileForTest(zoneOf(name, policies))], {
      fetch: (input, init) => {
        paths.push(new URL(String(input)).pathname.replaceAll(/[0-9a-f-]{36}/g, 'ID'));
        return fetch(input, init);
      },
    });
    expect(run).toMatchObject({ code: 0 });
    return paths.toSorted();
  };
  const [one, five] = [await asked(1), await asked(5)];
  expect(five).toEqual(one);
  expect(one.length).toBeGreaterThan(5);
});

test('plan --replay says which decisions would be other ones, by the policies of the file', async () => {
  const name = `replayed ${randomUUID()}`;
  const text = (effect: 'permit' | 'forbid', other = '') => `apiVersion: mandate/v1
zone: { name: ${name} }
resources:
  - { identifier: 'https://orders.example', scopes: [read] }
policies:
  - { name: all, text: '@id("all") ${effect} (principal, action, resource);' }
  - { name: same, text: '@id("same") permit (principal == Application::"nobody", action, resource);' }
${other}policy_set: { name: main }
`;
  await apply(text('permit'));
  const zone = await zoneNamed(name);
  const client = await zone.call('POST', '/clients', { name: 'shop' });
  const granted = await postForm(replica.url, {
    grant_type: 'client_credentials',
    client_id: String(client['client_id']),
    client_secret: String(client['client_secret']),
    resource: 'https://orders.example',
    scope: 'read',
  });
  expect(granted.status).toBe(200);
  const plan = (file: string, ...more: string[]) =>
    mandate(replica, ['plan', '-f', fileForTest(file), ...more]);
  const told = await plan(text('forbid'), '--replay');
  expect(told.code).toBe(9);
  expect(told.stdout).toContain('1 would be other ones: allow to deny 1');
  expect(told.stdout).toContain('shop');
  const json = await plan(text('forbid'), '--replay', '1', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({
    zones: [{ replay: { state: 'done', changes: { allow_to_deny: 1 } } }],
  });
  // Nothing was done, and where other policies are not to decide, nothing is tried.
  expect((await plan(text('permit'), '--replay')).stdout).not.toContain('by the policies of');
  expect((await plan(text('forbid'), '--replay', 'long')).code).toBe(2);
  // What was tried as a text counts for the set that is made of it.
  const held = (most: string) =>
    mandate(replica, ['apply', '-f', fileForTest(text('forbid')), '--yes', '--max-changes', most]);
  expect((await held('few')).code).toBe(2);
  expect((await held('1000001')).code).toBe(2);
  expect((await held('0')).code).toBe(6);
  expect((await held('1')).code).toBe(0);
});
