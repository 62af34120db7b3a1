import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { ACCESS_TOKEN, callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const PAGE = read('docs/policy.md');

/** The text of one section of a page, without its heading. */
function section(page: string, heading: string): string {
  const part = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  if (part === undefined) throw new Error(`no section ${heading}`);
  return part.slice(heading.length);
}

function blocksOf(language: string, text: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return [...text.matchAll(fence)].map(([, block = '']) => block);
}

/** The policies of the page, by heading. */
const policies = new Map(
  section(PAGE, 'Ten policies')
    .split(/^### /m)
    .slice(1)
    .map((part) => {
      const [block = '', ...more] = blocksOf('cedar', part);
      if (more.length > 0) throw new Error('one block each');
      return [part.split('\n')[0] ?? '', block];
    }),
);

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

/** An input: valid by default, turned by part. */
interface Turned {
  readonly principal?: object;
  readonly resource?: string;
  readonly context?: object;
}

function inputOf({ principal, resource = 'https://any.example', context }: Turned): object {
  return {
    schema_version: '1',
    principal: {
      type: 'Application',
      id: '0190f4c8-0000-7000-8000-000000000001',
      zone_id: '0190f4c8-0000-7000-8000-000000000002',
      registration_method: 'manual',
      labels: [],
      groups: [],
      ...principal,
    },
    resource: { type: 'Resource', id: 'row', identifier: resource, scopes: [] },
    action: { id: 'TokenExchange' },
    context: {
      actor_claims: {},
      subject_claims: { sub: 'alice' },
      requested_scopes: [],
      challenge_resolved: false,
      time: { epoch: 1_700_000_000, hour: 12, minute: 0, weekday: 3 },
      ...context,
    },
  };
}

/** What forbids stand beside. */
const BASE = '@id("base") permit (principal, action, resource);';

const BILLING = { id: '0190f4c8-0000-7000-8000-00000000b111' };
const LEDGER = { id: '0190f4c8-0000-7000-8000-00000001ed9e' };
const ORDERS = 'https://orders.example';
const PAYMENTS = 'https://payments.example';
const PAYROLL = 'https://payroll.example';
const REPORTS = 'https://reports.example';

const scopes = (...names: string[]) => ({ requested_scopes: names });
const at = (weekday: number, hour: number, minute = 0) => ({
  resource: PAYROLL,
  context: { time: { epoch: 0, weekday, hour, minute } },
});

/** A chain of actors, the current one first. */
function chain(...subs: string[]): { readonly context: object } {
  const act = subs
    .toReversed()
    .reduce<object | undefined>((inner, sub) => ({ sub, ...(inner && { act: inner }) }), undefined);
  return { context: { actor_claims: { client_id: 'asking', ...(act && { act }) } } };
}

type Case = readonly [outcome: string, turned: Turned];

interface Expectation {
  /** A permit is asked alone, a forbid beside {@link BASE}. */
  readonly alone?: true;
  readonly cases: Readonly<Record<string, Case>>;
}

const EXPECTED: Readonly<Record<string, Expectation>> = {
  'Least privilege per service': {
    alone: true,
    cases: {
      'its scope': [
        'allow',
        { principal: BILLING, resource: ORDERS, context: scopes('orders:read') },
      ],
      'no scope': ['allow', { principal: BILLING, resource: ORDERS }],
      'one scope more': [
        'deny',
        { principal: BILLING, resource: ORDERS, context: scopes('orders:read', 'orders:write') },
      ],
      'another resource': [
        'deny',
        { principal: BILLING, resource: PAYMENTS, context: scopes('orders:read') },
      ],
      'another client': ['deny', { resource: ORDERS, context: scopes('orders:read') }],
      'a user of that id': [
        'deny',
        {
          principal: { ...BILLING, type: 'User' },
          resource: ORDERS,
          context: scopes('orders:read'),
        },
      ],
    },
  },
  'Environment wall': {
    cases: {
      'production to production': [
        'allow',
        { principal: { labels: ['eu', 'production'] }, resource: 'https://prod.example/orders' },
      ],
      'staging to staging': [
        'allow',
        { principal: { labels: ['staging'] }, resource: 'https://staging.example/orders' },
      ],
      'no label to staging': ['allow', { resource: 'https://staging.example/orders' }],
      'production to staging': [
        'deny',
        { principal: { labels: ['production'] }, resource: 'https://staging.example/orders' },
      ],
      'staging to production': [
        'deny',
        { principal: { labels: ['staging'] }, resource: 'https://prod.example/orders' },
      ],
      'no label to production': ['deny', { resource: 'https://prod.example/orders' }],
      'a name that only looks like production': [
        'deny',
        {
          principal: { labels: ['production'] },
          resource: 'https://staging.example/https://prod.example/',
        },
      ],
      'no labels known': [
        'deny',
        { principal: { labels: undefined }, resource: 'https://staging.example/orders' },
      ],
    },
  },
  'Step-up for payments': {
    cases: {
      reading: ['allow', { resource: PAYMENTS, context: scopes('payments:read') }],
      'writing something else': ['allow', { context: scopes('payments:write') }],
      'opening a session': [
        'allow',
        {
          resource: PAYMENTS,
          context: { ...scopes('payments:write'), subject_claims: undefined },
        },
      ],
      writing: ['step-up mfa', { resource: PAYMENTS, context: scopes('payments:write') }],
      'writing among others': [
        'step-up mfa',
        { resource: PAYMENTS, context: scopes('payments:read', 'payments:write') },
      ],
      'writing with the challenge resolved': [
        'allow',
        {
          resource: PAYMENTS,
          context: { ...scopes('payments:write'), challenge_resolved: true },
        },
      ],
    },
  },
  'Agents may only read': {
    cases: {
      'an agent that reads': [
        'allow',
        { principal: { groups: ['agents'] }, context: scopes('orders:read', 'invoices:read') },
      ],
      'an agent without scope': ['allow', { principal: { groups: ['agents'] } }],
      'an agent that also writes': [
        'deny',
        { principal: { groups: ['agents'] }, context: scopes('orders:read', 'orders:write') },
      ],
      'an agent with another scope': [
        'deny',
        { principal: { groups: ['agents', 'eu'] }, context: scopes('users:read') },
      ],
      'no agent': ['allow', { context: scopes('orders:write') }],
    },
  },
  'No chain longer than two': {
    cases: {
      'no actor': ['allow', chain()],
      'one actor': ['allow', chain('a')],
      'two actors': ['allow', chain('b', 'a')],
      'three actors': ['deny', chain('c', 'b', 'a')],
      'ten actors': ['deny', chain('j', 'i', 'h', 'g', 'f', 'e', 'd', 'c', 'b', 'a')],
    },
  },
  'Business hours': {
    cases: {
      'the first minute of Monday': ['allow', at(1, 8)],
      'the last minute of Friday': ['allow', at(5, 17, 59)],
      'a minute too early': ['deny', at(1, 7, 59)],
      'the minute of closing': ['deny', at(5, 18)],
      midnight: ['deny', at(3, 0)],
      'noon on Saturday': ['deny', at(6, 12)],
      'noon on Sunday': ['deny', at(7, 12)],
      'no time known': ['deny', { resource: PAYROLL, context: { time: undefined } }],
      'another resource at night': ['allow', { ...at(7, 3), resource: ORDERS }],
    },
  },
  'One resource, one owner': {
    cases: {
      'the owner': ['allow', { principal: LEDGER, resource: 'https://ledger.example' }],
      'somebody else': ['deny', { resource: 'https://ledger.example' }],
      'a user of that id': [
        'deny',
        { principal: { ...LEDGER, type: 'User' }, resource: 'https://ledger.example' },
      ],
      'somebody else elsewhere': ['allow', { resource: ORDERS }],
    },
  },
  'Break-glass': {
    alone: true,
    cases: {
      'who is in the group': ['allow', { principal: { groups: ['break-glass'] } }],
      'who is not': ['deny', { principal: { groups: ['agents'] } }],
      'who has it for a label only': ['deny', { principal: { labels: ['break-glass'] } }],
    },
  },
  'Deny-list': {
    cases: {
      'nobody on it': ['allow', chain('alice')],
      'a blocked client': ['deny', { principal: { groups: ['blocked'] } }],
      'a subject on it': ['deny', { context: { subject_claims: { sub: 'mallory' } } }],
      'the current actor on it': ['deny', chain('trudy', 'alice')],
      'a subject whose name only begins so': [
        'allow',
        { context: { subject_claims: { sub: 'mallory2' } } },
      ],
      'opening a session': ['allow', { context: { subject_claims: undefined } }],
    },
  },
  'Lifetime caps': {
    alone: true,
    cases: {
      'a batch job': ['allow', { principal: { groups: ['batch'] }, resource: REPORTS }],
      'a batch job elsewhere': ['deny', { principal: { groups: ['batch'] }, resource: ORDERS }],
      'somebody else': ['deny', { resource: REPORTS }],
    },
  },
};

interface Result {
  readonly decision: string;
  readonly evaluation_status: string;
  readonly diagnostics: readonly { readonly step_up_required?: string }[];
}

/** What policies say to an input: allow, deny, or the step-up that is asked for. */
async function ask(contents: readonly string[], turned: Turned): Promise<string> {
  const { status, body } = await callAdmin(replica, 'POST', '/policy/simulate', {
    policies: contents.map((content, n) => ({ id: `module ${n}`, content })),
    input: inputOf(turned),
  });
  expect([status, body]).toEqual([200, expect.anything()]);
  const { decision, evaluation_status: how, diagnostics } = body['result'] as Result;
  expect(how).toBe('complete');
  const stepUp = diagnostics.find((each) => each.step_up_required)?.step_up_required;
  return stepUp === undefined ? decision : `step-up ${stepUp}`;
}

test('the page has the ten policies that are tested here', () => {
  expect([...policies.keys()]).toEqual(Object.keys(EXPECTED));
  expect(policies.size).toBe(10);
});

describe.each([...policies])('%s', (heading, content) => {
  const { alone, cases } = EXPECTED[heading] ?? { cases: {} };

  test('is valid, and nothing about it looks wrong', async () => {
    const answer = await callAdmin(replica, 'POST', `/zones/${zone.zoneId}/policies`, {
      name: heading,
      content,
    });
    expect(answer).toMatchObject({ status: 201, body: { warnings: [] } });
  });

  test.each(Object.entries(cases))('%s', async (_case, [outcome, turned]) => {
    expect(await ask(alone ? [content] : [BASE, content], turned)).toBe(outcome);
  });

  test('does not decide by itself alone', () => {
    expect(new Set(Object.values(cases).map(([outcome]) => outcome)).size).toBeGreaterThan(1);
  });
});

describe('together', () => {
  test('the ten are one valid set', async () => {
    const ids = [];
    for (const [name, content] of policies) {
      const { version } = await zone.admin('POST', '/policies', { name: `${name} again`, content });
      ids.push((version as { id: string }).id);
    }
    const { id } = await zone.admin('POST', '/policy-sets', { name: 'ten' });
    const path = `/policy-sets/${String(id)}/versions`;
    expect(await zone.admin('POST', path, { policy_version_ids: ids })).toMatchObject({
      warnings: [],
    });
  });

  test('forbids win over break-glass', async () => {
    const contents = [policies.get('Break-glass') ?? '', policies.get('Business hours') ?? ''];
    const principal = { groups: ['break-glass'] };
    expect(await ask(contents, { ...at(3, 12), principal })).toBe('allow');
    expect(await ask(contents, { ...at(3, 3), principal })).toBe('deny');
  });
});

test('a lifetime cap holds for who asks for more, and although another policy permits more', async () => {
  const own = await createTestZone(replica);
  await own.admin('POST', '/resources', { identifier: REPORTS, scopes: ['a:read'] });
  await own.activate(`${BASE}\n${policies.get('Lifetime caps')}`);
  const asking = { resource: REPORTS, ttl_seconds: '900' };
  expect((await own.session(asking)).body).toMatchObject({ expires_in: 900 });
  await own.admin('PATCH', `/clients/${own.clientId}`, { groups: ['batch'] });
  expect((await own.session(asking)).body).toMatchObject({ expires_in: 120 });
});

test('a public reason is told to the caller', async () => {
  const own = await createTestZone(replica);
  await own.admin('POST', '/resources', { identifier: PAYMENTS, scopes: ['payments:write'] });
  const forbid = `${policies.get('Step-up for payments')}`.replace('@step_up("mfa")', '');
  await own.activate(`${BASE}\n${forbid}`);
  const writing = { resource: PAYMENTS, scope: 'payments:write' };
  const session = await own.session(writing);
  const answer = await own.exchange({
    ...writing,
    subject_token: String(session.body['access_token']),
  });
  expect([answer.status, answer.body]).toEqual([
    403,
    expect.objectContaining({
      error: 'access_denied',
      error_description: 'writing payments needs a second factor',
    }),
  ]);
});

/** The attributes in the first column: `a.b`, `.c` stands for `a.b` and `a.c`. */
function documented(): string[] {
  const rows = section(PAGE, 'What policy is asked').matchAll(/^\| (`[^|]+`) +\|/gm);
  return [...rows].flatMap(([, cell = '']) => {
    let path = '';
    return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => {
      path = name.startsWith('.') ? path.replace(/\.\w+$/, name) : name;
      return path;
    });
  });
}

function pathsOf(value: object, prefix: string): string[] {
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? pathsOf(member, `${prefix}.${name}`)
      : [`${prefix}.${name}`],
  );
}

/** An input as it is recorded. */
interface Input {
  readonly principal: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly session: object;
  readonly context: object;
}

describe('what policy is asked', () => {
  test('is what the table says, no more and no less', async () => {
    const { items } = (await zone.admin('GET', '/resources')) as {
      items: readonly { id: string; identifier: string }[];
    };
    const asked = items.find(({ identifier }) => identifier === zone.resource);
    await zone.admin('PATCH', `/resources/${asked?.id}`, { revocation: 'feed' });
    const agent = await zone.newClient();
    const actor = await zone.session({ client_id: agent.clientId, client_secret: agent.secret });
    const { requestId, status } = await zone.exchange({
      actor_token: String(actor.body['access_token']),
      actor_token_type: ACCESS_TOKEN,
      ttl_seconds: '60',
    });
    expect(status).toBe(200);
    const [event] = await zone.audit(requestId);
    const policy = event?.event['policy'] as { decisions: { input: Input }[] } | undefined;
    const input = policy?.decisions[0]?.input;
    if (input === undefined) throw new Error('no input is recorded');
    const { type: _principalType, ...principal } = input.principal;
    const { type: _resourceType, ...resource } = input.resource;
    const paths = [
      ...pathsOf(principal, 'principal'),
      ...pathsOf(resource, 'resource'),
      ...pathsOf({ ...input.context, session: input.session }, 'context'),
    ];
    expect(documented().toSorted()).toEqual(paths.toSorted());
  });
});

test('every shell line of the page works where the README ends', async () => {
  const readme = blocksOf('sh', section(read('README.md'), 'Your first own zone')).slice(0, -1);
  const script = [...readme, ...blocksOf('sh', PAGE)].join('\n');
  const { stdout, stderr } = await promisify(execFile)('sh', ['-euc', script], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      MANDATE: replica.url,
      ADMIN_TOKEN: replica.adminToken,
    },
  });
  expect(stderr).toBe('');
  expect(stdout).toContain('"evaluated":1');
  expect(stdout).toContain('"same":true');
  expect(stdout).toContain('"loaded":true');
  expect(stdout).toContain('"decision":"allow"');
  expect(stdout).toContain('department');
});
