import { decodeJwt, decodeProtectedHeader } from 'jose';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { killProcesses } from '../setup/process.js';
import { readList, referenceOf, type Reference } from '../setup/status-lists.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import { createTestZone, PERMIT_ALL, type TestZone } from '../setup/zone.js';

/** That a list says of every mandate what is so, whatever takes one back. */

const RUNS = Number(process.env['STATUS_LIST_RUNS'] ?? 2);

let replica: Replica;
/** Where lists are read. */
let reading: Replica;

beforeAll(async () => {
  const env = { STATUS_LIST_SECONDS: '1' };
  replica = await startReplica({ env });
  reading = await startReplica({ env, databaseUrl: replica.databaseUrl });
});
afterAll(async () => {
  await reading.stop();
  await replica.stop();
  await killProcesses();
});

/** What can be taken back, and what of it a mandate rests on. */
type Kind =
  | 'jti'
  | 'session'
  | 'agent'
  | 'edge'
  | 'client'
  | 'disabled'
  | 'subject'
  | 'issuer'
  | 'resource'
  | 'policy'
  | 'key'
  | 'zone';

/** In the order in which they take back more and more, so that what comes first is seen. */
const KINDS: readonly Kind[] = [
  'jti',
  'edge',
  'agent',
  'session',
  'subject',
  'disabled',
  'client',
  'issuer',
  'resource',
  'policy',
  'key',
  'zone',
];

interface Issued {
  readonly reference: Reference;
  readonly restsOn: Readonly<Record<Kind, readonly string[]>>;
}

interface Actor {
  readonly sub: string;
  readonly client_id?: string;
  readonly act?: Actor;
}

function clientsIn(act: Actor | undefined): string[] {
  return act === undefined ? [] : [act.client_id ?? act.sub, ...clientsIn(act.act)];
}

const strings = (value: unknown): string[] =>
  [value].flat().filter((one): one is string => typeof one === 'string');

/**
 * @param sessions in which its agent sessions were opened
 * @param openers the clients of those, of whom `gen` has only those that were taken back before
 */
function issued(
  token: string,
  sessions: readonly string[] = [],
  openers: readonly string[] = [],
): Issued {
  const reference = referenceOf(token);
  if (reference === null) throw new Error('no list tells the status of the mandate');
  const claims = decodeJwt<{ act?: Actor; gen?: { v?: object } }>(token);
  const { kid } = decodeProtectedHeader(token);
  const subject =
    claims['sub_type'] === 'user' ? [`${String(claims['sub_iss'])}\n${claims.sub}`] : [];
  const clients = [
    ...strings(claims['client_id']),
    ...clientsIn(claims.act),
    ...(subject.length === 0 ? strings(claims.sub) : []),
    ...Object.keys(claims.gen?.v ?? {}),
  ];
  return {
    reference,
    restsOn: {
      jti: [...strings(claims.jti), ...strings(claims['ancestors'])],
      session: [...strings(claims['sid']), ...strings(claims['root_sid']), ...sessions],
      agent: ['agent_session_id', 'source_session_id', 'target_session_id'].flatMap((name) =>
        strings(claims[name]),
      ),
      edge: strings(claims['delegation_path']),
      // One that was disabled has delegated all the same; what was taken back has not.
      client: [...clients, ...openers],
      disabled: clients,
      subject,
      issuer: strings(claims['sub_iss']),
      resource: strings(claims['target']),
      policy: String(claims['pol']).split(' '),
      key: strings(kid),
      zone: ['all'],
    },
  };
}

/** Two resources, two clients, two users of an issuer, and a delegation between agent sessions: a mandate for each way. */
async function newMandates(zone: TestZone): Promise<Issued[]> {
  const [one, two] = ['resource://one', 'resource://two'];
  for (const identifier of [one, two]) {
    // oxlint-disable-next-line no-await-in-loop
    await zone.admin('POST', '/resources', {
      identifier,
      scopes: ['shared'],
      revocation: 'status_list',
    });
  }
  const wide = { resource: [one, two], scope: 'shared' };
  const own = await applicationOf(zone, zone);
  const other = await applicationOf(zone);
  const mandates: Issued[] = [];
  for (const app of [own, other]) {
    for (const resource of [one, two, two]) {
      // oxlint-disable-next-line no-await-in-loop
      const subject_token = await app.bearer(wide);
      // oxlint-disable-next-line no-await-in-loop
      mandates.push(issued(tokenOf(await app.exchange({ subject_token, resource }))));
    }
  }
  const idp = await newTrustedIssuer(zone);
  for (const name of ['alice', 'bob']) {
    // oxlint-disable-next-line no-await-in-loop
    const ask = await idp.user(name);
    // oxlint-disable-next-line no-await-in-loop
    const answer = await persistently(() => ask({ resource: one, scope: 'shared' }));
    mandates.push(issued(tokenOf(answer)));
  }
  const opened = await Promise.all([own.bearer(wide), other.bearer(wide)]);
  const task = { lifecycle: 'task' };
  const agents = await Promise.all([
    own.call('POST', '/agent-sessions', task, { token: opened[0] }),
    other.call('POST', '/agent-sessions', task, { token: opened[1] }),
  ]);
  const [source, target] = agents.map(({ body }) => String(body['id']));
  const delegated = await own.call(
    'POST',
    '/delegations',
    { source_session_id: source, target_session_id: target, scopes: ['shared'] },
    { token: opened[0] },
  );
  const edge = String(delegated.body['id']);
  await other.accept(edge);
  const acting = await other.exchange({
    subject_token: await other.bearer(wide),
    resource: one,
    agent_session_id: String(target),
    delegation_edge_id: edge,
  });
  const sessions = opened.map((token) => String(decodeJwt(token)['sid']));
  mandates.push(issued(tokenOf(acting), sessions, [own.clientId, other.clientId]));
  return mandates;
}

/** Takes something back, as operators do, or by what their orders do in the database. */
async function takeBack(zone: TestZone, kind: Kind, name: string): Promise<void> {
  const raise = (generationKind: string, of: string) =>
    rows(replica.databaseUrl, 'SELECT raise_generation($1, $2, $3)', [
      zone.zoneId,
      generationKind,
      of,
    ]);
  switch (kind) {
    case 'jti':
      await zone.admin('POST', '/revocations', { jti: name });
      return;
    case 'session':
      await zone.admin('DELETE', `/sessions/${name}`);
      return;
    case 'agent':
      await zone.admin('DELETE', `/agent-sessions/${name}`);
      return;
    case 'edge':
      await zone.admin('DELETE', `/delegations/${name}`);
      return;
    case 'disabled':
      await zone.admin('PATCH', `/clients/${name}`, { disabled: true });
      return;
    case 'key':
      await zone.admin('POST', '/signing-key/rotate?emergency=true');
      return;
    case 'policy':
      await withdraw(zone, name);
      return;
    case 'zone':
      await raise('zone', zone.zoneId);
      return;
    default:
      await raise(kind, name);
  }
}

/** Withdraws the policy set version that was active until now. */
async function withdraw(zone: TestZone, name: string): Promise<void> {
  await zone.activate(`${PERMIT_ALL} // another one`);
  const versions = await rows<{ id: string }>(
    replica.databaseUrl,
    'SELECT id FROM policy_set_versions WHERE zone_id = $1 AND left(manifest_sha256, 12) = $2',
    [zone.zoneId, name],
  );
  const [withdrawn] = await rows<{ pol: string; is_active: boolean }>(
    replica.databaseUrl,
    'SELECT * FROM withdraw_policy($1, $2)',
    [zone.zoneId, versions[0]?.id],
  );
  expect(withdrawn).toEqual({ pol: name, is_active: false });
}

/** What lists say of mandates, by their place. */
async function listedOf(zone: TestZone, mandates: readonly Issued[]): Promise<number[]> {
  const lists = new Map<string, Awaited<ReturnType<typeof readList>>>();
  for (const { reference } of mandates) {
    if (lists.has(reference.uri)) continue;
    // oxlint-disable-next-line no-await-in-loop
    lists.set(reference.uri, await readList(reading, zone.zoneId, reference));
  }
  return mandates.flatMap(({ reference }, place) =>
    lists.get(reference.uri)?.status(reference.idx) === 1 ? [place] : [],
  );
}

/** What is to be taken back: of the things of a kind that the mandates rest on, one. */
interface Step {
  readonly kind: Kind;
  readonly which: number;
}

async function expectTold(steps: readonly Step[]): Promise<void> {
  const zone = await createTestZone(replica);
  const mandates = await newMandates(zone);
  expect(await listedOf(zone, mandates)).toEqual([]);
  const gone = new Set<number>();
  for (const { kind, which } of steps) {
    const names = [...new Set(mandates.flatMap(({ restsOn }) => restsOn[kind]))];
    const name = names[which % names.length];
    if (name === undefined) throw new Error(`nothing rests on any ${kind}`);
    // oxlint-disable-next-line no-await-in-loop
    await takeBack(zone, kind, name);
    for (const [place, { restsOn }] of mandates.entries()) {
      if (restsOn[kind].includes(name)) gone.add(place);
    }
    // oxlint-disable-next-line no-await-in-loop
    await expect
      .poll(() => listedOf(zone, mandates), { interval: 250, message: kind })
      .toEqual([...gone].toSorted((a, b) => a - b));
  }
}

test('whatever takes a mandate back, its list says so, and of no other', () =>
  expectTold(KINDS.map((kind, which) => ({ kind, which }))));

test('of random mandates and revocations, too', { timeout: 240_000 * RUNS }, async () => {
  const step = fc.record({ kind: fc.constantFrom(...KINDS.slice(0, -3)), which: fc.nat(100) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 5 }), (steps) => expectTold(steps)),
    { numRuns: RUNS, endOnFailure: true },
  );
});
