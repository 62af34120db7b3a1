import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NO_ZONE, type Entry, type Fact } from '../../src/ledger/entry.js';
import type { Tried } from '../../src/ledger/ledger-batch.js';
import { LedgerLane } from '../../src/ledger/ledger-lane.js';
import { subjectKey, subjectName } from '../../src/mandates/generations.js';
import { timeLimits } from '../../src/platform/config/time-limits.js';
import { applicationOf } from '../setup/agents.js';
import { verifyChains } from '../setup/chain.js';
import { APPROVE_WRITES, heldIn, settle } from '../setup/challenges.js';
import { DISTRIBUTED } from '../setup/citus.js';
import { borrowReplica, createDatabase, rows, withClient, type Replica } from '../setup/harness.js';
import { startProxy, type Proxy } from '../setup/proxy.js';
import { createTestZone, type TestZone } from '../setup/zone.js';
import { databaseOf, idBeside, tableOf } from '../setup/zone-database.js';

/** What a batch comes to, looked at without a server in front of it. */

const RUNS = 12;
const OTHERWISE = { outcome: 'denied', error: 'invalid_grant', reason: 'it moved' } as const;

let replica: Replica;
let proxy: Proxy;
let zone: TestZone;
/** Where the tables of the zone are. */
let home: string;
/** Whose gate is closed while batches are compared. */
let closed: TestZone;
/** A client that is held meanwhile. */
let heldClient: string;
/** A client that is being removed. */
let removedClient: string;
/** A label of another client. */
const LABEL = 'NULL,"\\{}';
let edge: string;
/** The agent sessions of that delegation. */
let agents: readonly [string, string];
let spendable: { readonly id: string; readonly binding: string; readonly secret_digest: string };
let live: string;
let ended: string;
let revoked: string;
/** A subject in the generation that it has. */
const takenBack = { key: subjectKey('https://idp.test', 'alice'), generation: 2 };
const lanes: LedgerLane[] = [];
const sizes: number[] = [];
const otherEnds: unknown[][] = [];

beforeAll(async () => {
  replica = await borrowReplica();
  proxy = await startProxy();
  zone = await createTestZone(replica);
  home = await databaseOf(replica.databaseUrl, zone.zoneId);
  proxy.forwardTo(home);
  closed = await zoneBeside();
  await zone.activate(APPROVE_WRITES);
  ({ clientId: heldClient } = await zone.newClient());
  ({ clientId: removedClient } = await zone.newClient());
  await sql('UPDATE clients SET removed_at = now() WHERE id = $1', [removedClient]);
  const { clientId: labelled } = await zone.newClient();
  await sql('UPDATE clients SET labels = $2 WHERE id = $1', [labelled, [LABEL]]);
  const app = await applicationOf(zone, zone);
  const budget = { constraints: { budget: 1_000_000 } };
  agents = [await app.open(), await app.open()];
  edge = await app.delegate(...agents, budget);
  const held = heldIn(await zone.session({ scope: 'a:write' }));
  await settle(zone, held.id);
  const [found] = await sql<{ binding: string; digest: string }>(
    `SELECT encode(c.binding, 'hex') AS binding, encode(s.digest, 'hex') AS digest FROM challenges c
       JOIN challenge_secrets s ON s.zone_id = c.zone_id AND s.challenge_id = c.id WHERE c.id = $1`,
    [held.id],
  );
  spendable = {
    id: held.id,
    binding: String(found?.binding),
    secret_digest: String(found?.digest),
  };
  [live, ended, revoked] = [uuidv7(), uuidv7(), uuidv7()];
  for (const [id, at] of [
    [live, null],
    [ended, new Date()],
  ] as const) {
    await sql(
      `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at, ended_at)
       VALUES ($1, $2, $2, $3, 'somebody', now() + interval '1 hour', $4)`,
      [zone.zoneId, id, zone.clientId, at],
    );
  }
  for (let times = 0; times < takenBack.generation; times += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await sql('SELECT raise_generation($1, $2, $3)', [
      zone.zoneId,
      'subject',
      subjectName('https://idp.test', 'alice'),
    ]);
  }
  await sql('INSERT INTO revocations (zone_id, jti) VALUES ($1, $2)', [zone.zoneId, revoked]);
});

afterAll(async () => {
  await Promise.all(lanes.map((lane) => lane.close()));
  await proxy?.close();
  await replica?.stop();
});

const sql = <T extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
  rows<T>(home, text, values);

/** Another zone, whose tables are there, too. */
async function zoneBeside(): Promise<TestZone> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop
    const made = await createTestZone(replica);
    // oxlint-disable-next-line no-await-in-loop
    if ((await databaseOf(replica.databaseUrl, made.zoneId)) === home) return made;
  }
}

function newLane(url = home): LedgerLane {
  const lane = new LedgerLane({
    url: () => url,
    limits: timeLimits(10_000),
    name: 'test lane',
    patient: false,
    lockMs: 5_000,
    observer: { batch: (size) => void sizes.push(size) },
    onOtherEnd: (...what) => void otherEnds.push(what),
  });
  lanes.push(lane);
  return lane;
}

function entry(differences: Partial<Entry> = {}, said: Record<string, unknown> = {}): Entry {
  return {
    event_id: uuidv7(),
    zone_id: NO_ZONE,
    facts: [],
    event: { type: 'test', outcome: 'issued', request_id: uuidv7(), ...said },
    ...differences,
  };
}

/** Tries entries together: the first goes alone, and the others meanwhile fill batches. */
const tryAll = (lane: LedgerLane, entries: readonly Entry[]): Promise<Tried[]> =>
  Promise.all(entries.map((one) => lane.try(one)));

const said = (tried: Tried, { facts }: Entry): string => {
  if (tried === null) return 'busy';
  return tried.status === 'refused'
    ? `refused for ${facts.indexOf(tried.fact)}`
    : `${tried.status}${'challenge' in tried ? ` with ${tried.challenge?.id}` : ''}`;
};

/** What a test batch is made of; a letter of each group for an entry. */
const FACTS: Record<string, () => Fact> = {
  session: () => ({ kind: 'session_live', id: live, otherwise: OTHERWISE }),
  'ended session': () => ({ kind: 'session_live', id: ended, otherwise: OTHERWISE }),
  'no session': () => ({ kind: 'session_live', id: uuidv7(), otherwise: OTHERWISE }),
  token: () => ({
    kind: 'token_not_revoked',
    jti: uuidv7(),
    parameter: 'subject_token',
    otherwise: OTHERWISE,
  }),
  'revoked token': () => ({
    kind: 'token_not_revoked',
    jti: revoked,
    parameter: 'subject_token',
    otherwise: { ...OTHERWISE, reason: 'it was revoked' },
  }),
  clock: () => ({
    kind: 'clock_agrees',
    now: Date.now() / 1_000,
    tolerance: 600,
    otherwise: { ...OTHERWISE, outcome: 'failed' },
  }),
  'wrong clock': () => ({ kind: 'clock_agrees', now: 0, tolerance: 600, otherwise: OTHERWISE }),
  delegation: () => ({ kind: 'delegation_live', id: edge, otherwise: OTHERWISE }),
  'other delegation': () => ({
    kind: 'delegation_live',
    id: edge,
    versions: { [edge]: '-1' },
    otherwise: OTHERWISE,
  }),
  subject: () => subjectOf(0, true),
  'subject that was taken back': () => subjectOf(0),
  'subject of a generation that is not there': () => subjectOf(3),
  'no agent session': () => ({ kind: 'agent_session_live', id: uuidv7(), otherwise: OTHERWISE }),
  budget: () => ({ kind: 'delegation_unspent', id: edge, otherwise: OTHERWISE }),
  challenge: () => ({ kind: 'challenge_satisfied', ...spendable, otherwise: OTHERWISE }),
  agency: () => agency({}),
  'agency of nothing': () => agency({ sessions: [], clients: [] }),
  'agency that is over': () => agency({ until: Date.now() / 1_000 - 1.000_001 }),
  'agency of an ended session': () => agency({ sessions: [live, ended] }),
  'agency of a removed client': () => agency({ clients: [zone.clientId, removedClient] }),
};

/** A subject that was taken back twice, or another one. */
function subjectOf(generation: number, isOther = false): Fact {
  const key = isOther ? subjectKey('https://idp.test', 'bob') : takenBack.key;
  const reason = 'its subject was taken back';
  return {
    kind: 'generation_current',
    key,
    generation,
    parameter: 'subject_token',
    otherwise: { ...OTHERWISE, reason },
  };
}

function agency(differences: object): Fact {
  return {
    kind: 'agency_live',
    until: 4_000_000_000.123_456,
    sessions: [live, uuidv7()],
    clients: [zone.clientId, uuidv7()],
    otherwise: { ...OTHERWISE, reason: 'its agency is over' },
    ...differences,
  };
}

/** What entries may have been evaluated on beside the settings of their zone, as it is now. */
interface Seen {
  readonly settings: string;
  readonly client: string;
  readonly agents: Readonly<Record<string, string>>;
  readonly edges: Readonly<Record<string, string>>;
  readonly epoch: string;
}

async function seenNow(): Promise<Seen> {
  const [row] = await sql<Seen & Record<string, unknown>>(
    `SELECT z.settings_version::text AS settings, c.version::text AS client, g.epoch::text AS epoch,
            (SELECT json_object_agg(a.id, a.version || ' ' || extract(epoch FROM a.expires_at))
               FROM agent_sessions a WHERE a.id = ANY ($3)) AS agents,
            (SELECT json_object_agg(e.id, e.version::text) FROM delegation_edges e WHERE e.id = $4) AS edges
       FROM zones z JOIN clients c ON c.zone_id = z.id JOIN delegation_graphs g ON g.zone_id = z.id
      WHERE z.id = $1 AND c.id = $2`,
    [zone.zoneId, zone.clientId, agents, edge],
  );
  if (row === undefined) throw new Error('nothing is there');
  return row;
}

const clientSeen = (id: string, version: string | null) => ({ clients: [{ id, version }] });
const labelsAsked = (labels: string[], reserved: string[]) => ({
  labels: { client_id: zone.clientId, labels, reserved },
});

/** What an entry of the zone was evaluated on, right or wrong. */
const BASES: Record<string, (seen: Seen) => Partial<Entry>> = {
  nothing: () => ({}),
  'no client at all': () => ({ clients: [] }),
  'a client': ({ client }) => clientSeen(zone.clientId, client),
  'a client and one that is not there': ({ client }) => ({
    clients: [
      { id: uuidv7(), version: null },
      { id: zone.clientId, version: client },
    ],
  }),
  'a client that has changed': () => clientSeen(zone.clientId, '-7'),
  'a client that has come': () => clientSeen(zone.clientId, null),
  'a client that is gone': ({ client }) => clientSeen(uuidv7(), client),
  'a client of another zone': ({ client }) => clientSeen(closed.clientId, client),
  labels: () => labelsAsked(['a', LABEL, '","b'], [LABEL]),
  'labels that have been given away': () => labelsAsked(['a', LABEL], []),
  'labels that have become free': () => labelsAsked(['a', LABEL], ['a', LABEL]),
  'a subject': () => ({ subject: takenBack }),
  'a subject that was taken back since': () => ({ subject: { ...takenBack, generation: 1 } }),
  'a subject that never was taken back': () => ({
    subject: { key: subjectKey(null, 'bob'), generation: 0 },
  }),
  'a graph': ({ agents: some, edges }) => ({ graph: { agents: some, edges } }),
  'a graph at its epoch': ({ agents: some, edges, epoch }) => ({
    graph: { epoch, agents: some, edges },
  }),
  'an empty graph': () => ({ graph: { agents: {}, edges: {} } }),
  'a graph at another epoch': () => ({ graph: { epoch: '0', agents: {}, edges: {} } }),
  'a graph with another state': ({ edges }) => ({
    graph: { agents: { [agents[0]]: '1 2' }, edges },
  }),
  'a graph with a delegation that is gone': () => ({
    graph: { agents: {}, edges: { [uuidv7()]: '1' } },
  }),
};
const BASES_THAT_STAND = [
  'a client',
  'a client and one that is not there',
  'no client at all',
  'labels',
  'a subject',
  'a subject that never was taken back',
  'a graph',
  'a graph at its epoch',
  'an empty graph',
  'a client of another zone',
];

interface Ingredients {
  readonly zone: 'right' | 'closed' | 'none';
  readonly version: 'right' | 'old' | 'none';
  /** A key of {@link BASES}. */
  readonly basis: string;
  readonly absent: 'absent' | 'there' | 'none';
  readonly nonce: number;
  readonly facts: readonly string[];
  readonly client: 'free' | 'held' | 'none';
  readonly opens: number;
  readonly proof: boolean;
  readonly text: string;
}

/** What most entries have is what is right: else hardly any would be recorded. */
const mostly = <T>(right: T, ...others: T[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(right) }, ...others.map((one) => fc.constant(one)));

const INGREDIENTS: fc.Arbitrary<Ingredients> = fc.record({
  zone: mostly<Ingredients['zone']>('right', 'closed', 'none'),
  version: mostly<Ingredients['version']>('right', 'old', 'none'),
  basis: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...BASES_THAT_STAND) },
    fc.constantFrom(...Object.keys(BASES)),
  ),
  absent: mostly<Ingredients['absent']>('none', 'absent', 'there'),
  nonce: mostly(0, 1, 2, 3),
  facts: fc.array(
    mostly('session', ...Object.keys(FACTS), 'token', 'clock', 'delegation', 'budget'),
    { maxLength: 4 },
  ),
  client: mostly<Ingredients['client']>('none', 'free', 'held'),
  opens: mostly(0, 1, 2),
  proof: fc.boolean(),
  text: fc.string({ unit: 'grapheme' }),
});

/** Something of everything that an entry may come to. */
const PLAIN: Ingredients = {
  zone: 'right',
  version: 'right',
  basis: 'nothing',
  absent: 'none',
  nonce: 0,
  facts: ['session', 'token', 'clock'],
  client: 'none',
  opens: 0,
  proof: false,
  text: 'x',
};
const EACH_ONCE: Ingredients[] = [
  PLAIN,
  { ...PLAIN, client: 'free', nonce: 1 },
  { ...PLAIN, nonce: 1 },
  { ...PLAIN, nonce: 2, facts: ['revoked token'] },
  { ...PLAIN, nonce: 2 },
  { ...PLAIN, nonce: 3 },
  { ...PLAIN, zone: 'closed' },
  { ...PLAIN, client: 'held' },
  { ...PLAIN, version: 'old', nonce: 1 },
  { ...PLAIN, absent: 'there' },
  ...[1, 1, 1, 2].map((opens) => ({ ...PLAIN, opens })),
  ...['budget', 'budget', 'budget', 'challenge', 'challenge'].map((fact) => ({
    ...PLAIN,
    facts: ['session', fact],
    proof: true,
  })),
  { ...PLAIN, facts: ['budget', 'ended session'] },
  ...Object.keys(BASES).map((basis) => ({ ...PLAIN, basis })),
  ...Object.keys(FACTS).map((fact) => ({ ...PLAIN, facts: [fact] })),
];

const CHALLENGE_LIMITS = { max_of_client: 200, max_of_subject: 3, max_of_both: 3, max_secrets: 2 };

function cook(run: string, seen: Seen, from: Ingredients): Entry {
  const { zoneId } = from.zone === 'closed' ? closed : zone;
  const inZone = from.zone !== 'none';
  const names = {
    binding: `${from.opens}`.repeat(64),
    client_id: zone.clientId,
    subject: `subject of ${run}`,
    subject_type: 'user' as const,
    terms: { quorum: 1, lifetime_seconds: 600 },
  };
  const facts: Fact[] = inZone
    ? [
        ...(from.nonce === 0
          ? []
          : [
              {
                kind: 'nonce_unspent' as const,
                purpose: 'gateway_request' as const,
                nonce: `${run}-${from.nonce}`,
                day: '2100-01-01',
                otherwise: { ...OTHERWISE, reason: 'used before' },
              },
            ]),
        ...from.facts.flatMap((name) => FACTS[name]?.() ?? []),
        ...(from.opens === 0 || from.zone === 'closed'
          ? []
          : [
              {
                kind: 'challenge_allowed' as const,
                ...names,
                ...CHALLENGE_LIMITS,
                otherwise: OTHERWISE,
              },
            ]),
      ]
    : [];
  const client = from.client === 'held' ? heldClient : zone.clientId;
  const id = uuidv7();
  return entry(
    {
      zone_id: inZone ? zoneId : NO_ZONE,
      facts,
      ...(inZone && from.version !== 'none'
        ? { settings_version: from.version === 'right' ? seen.settings : '0' }
        : {}),
      ...(from.zone === 'right' ? BASES[from.basis]?.(seen) : {}),
      ...(from.absent === 'none'
        ? {}
        : { absent_client: from.absent === 'there' ? zone.clientId : uuidv7() }),
      ...(from.client === 'none' || from.zone !== 'right'
        ? {}
        : {
            session: {
              id,
              root_id: id,
              client_id: client,
              subject: from.text.replaceAll('\0', ''),
              amr: ['a', from.text.replaceAll('\0', '')],
              expires_at: 4_000_000_000,
            },
          }),
      ...(from.proof && from.zone === 'right'
        ? {
            proof: {
              session_id: live,
              subject: 'somebody',
              acr: uuidv7(),
              amr: ['x'],
              auth_time: 1,
            },
          }
        : {}),
      ...(from.opens === 0 || from.zone !== 'right'
        ? {}
        : {
            challenge: {
              ...names,
              id: uuidv7(),
              type: 'approval',
              involved_client_ids: [],
              request: {},
              secret_digest: randomBytes(32).toString('hex'),
            },
          }),
    },
    { mandate: { jti: uuidv7() }, client_id: zone.clientId, said: from.text.replaceAll('\0', '') },
  );
}

type Query = (text: string, values: unknown[]) => Promise<Record<string, unknown>[]>;

/** Everything that a batch may have changed, without what is of a moment or a chain. */
async function left(query: Query, entries: readonly Entry[], run: string) {
  const ids = entries.map(({ event_id: id }) => id);
  return {
    events: await query(
      `SELECT id, zone_id, request_id, type, outcome, client_id, jti,
              (audit_event(a) - '{writer,seq,occurred_at}'::text[]) #- '{challenge,expires_at}' AS event
         FROM audit_events a WHERE id = ANY ($1) ORDER BY id`,
      [ids],
    ),
    sessions: await query(
      'SELECT id, subject, acr, amr, auth_time, expires_at FROM sessions WHERE id = ANY ($1) ORDER BY id',
      [[live, ...entries.flatMap(({ session }) => session?.id ?? [])]],
    ),
    nonces: await query(
      'SELECT zone_id, nonce FROM spent_nonces WHERE nonce LIKE $1 ORDER BY 1, 2',
      [`${run}-%`],
    ),
    budget: await query('SELECT remaining FROM delegation_edges WHERE id = $1', [edge]),
    spent: await query('SELECT consumed_event_id FROM challenges WHERE id = $1', [spendable.id]),
    opened: await query(
      `SELECT c.id, c.binding, count(*)::int AS secrets FROM challenges c
         JOIN challenge_secrets s ON s.zone_id = c.zone_id AND s.challenge_id = c.id
        WHERE c.subject = $1 GROUP BY c.zone_id, c.id, c.binding ORDER BY c.id`,
      [`subject of ${run}`],
    ),
  };
}

/**
 * What the function that processes of the version before call says of the entries, sent one by one, and what that
 * leaves; it is taken back. A budget of two, and a challenge that can be spent, are there before.
 */
async function oneByOne(entries: readonly Entry[], run: string) {
  await sql(
    `UPDATE challenges SET consumed_at = NULL, consumed_event_id = NULL, expires_at = now() + interval '1 hour'
      WHERE id = $1`,
    [spendable.id],
  );
  await sql('UPDATE delegation_edges SET remaining = 2 WHERE id = $1', [edge]);
  return withClient(home, async (client) => {
    await client.query('BEGIN');
    const writer = uuidv7();
    const answers: string[] = [];
    for (const one of entries) {
      const { rows: found } = await client.query<{
        status: string;
        fact_index: number | null;
        challenge: { id: string } | null;
      }>('SELECT * FROM ledger_record($1, $2, false)', [writer, JSON.stringify([one])]);
      const [answer] = found;
      if (answer?.status === 'refused') answers.push(`refused for ${answer.fact_index}`);
      else {
        const { challenge } = answer ?? {};
        answers.push(`${answer?.status}${challenge ? ` with ${challenge.id}` : ''}`);
      }
    }
    const leaves = await left(
      async (text, values) => (await client.query(text, values)).rows,
      entries,
      run,
    );
    await client.query('ROLLBACK');
    return { answers, leaves };
  });
}

// What processes of older versions call is compared with, and those have never been on a distributed database.
test.skipIf(DISTRIBUTED)(
  'each entry of a batch comes to what it would come to alone, after those before it',
  async () => {
    const lane = newLane();
    const seen = new Set<string>();
    await withClient(home, async (holder) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(INGREDIENTS, { minLength: 1, maxLength: 40 }),
          async (ingredients) => {
            const run = uuidv7();
            const now = await seenNow();
            const entries = ingredients.map((from) => cook(run, now, from));
            await holder.query('BEGIN');
            await holder.query('SELECT 1 FROM clients WHERE id = $1 FOR UPDATE', [heldClient]);
            await holder.query('SELECT ledger_close($1)', [closed.zoneId]);
            // A nonce that another batch is about to spend.
            await holder.query(
              `SELECT pg_advisory_xact_lock(key) FROM unnest(ledger_keys($1, jsonb_build_object(
               'kind', 'nonce_unspent', 'purpose', 'gateway_request', 'nonce', $2::text))) AS key`,
              [zone.zoneId, `${run}-3`],
            );
            try {
              const alone = await oneByOne(entries, run);
              const together = await tryAll(lane, entries);
              expect(together.map((tried, i) => said(tried, entries[i] ?? entry()))).toEqual(
                alone.answers,
              );
              expect(await left(sql, entries, run)).toEqual(alone.leaves);
              for (const answer of alone.answers) seen.add(answer.replace(/ \S+$/, ''));
            } finally {
              await holder.query('ROLLBACK');
            }
          },
        ),
        { numRuns: RUNS, examples: [[EACH_ONCE]] },
      );
    });
    expect([...seen].toSorted()).toEqual(
      expect.arrayContaining(['busy', 'recorded', 'recorded with', 'refused for', 'stale']),
    );
    expect(Math.max(...sizes)).toBeGreaterThan(10);
    expect((await verifyChains(home)).faults).toEqual([]);
  },
);

test('a hundred and twenty-eight entries share one call, whose refusals nobody pays for twice', async () => {
  const lane = newLane();
  sizes.length = 0;
  const entries = Array.from({ length: 128 }, (_, i) =>
    entry({
      zone_id: zone.zoneId,
      facts: [i % 3 === 0 ? FACTS['ended session']?.() : FACTS['session']?.()].flatMap(
        (fact) => fact ?? [],
      ),
    }),
  );
  const tried = await tryAll(lane, entries);
  expect(sizes).toEqual([128]);
  expect(tried.map((one, i) => said(one, entries[i] ?? entry()))).toEqual(
    entries.map((_, i) => (i % 3 === 0 ? 'refused for 0' : 'recorded')),
  );
  const recorded = await sql<{ id: string; outcome: string; reason: string | null }>(
    `SELECT id, outcome, audit_event(a)->>'reason' AS reason FROM audit_events a
      WHERE id = ANY ($1) ORDER BY writer, seq`,
    [entries.map(({ event_id: id }) => id)],
  );
  expect(recorded).toEqual(
    entries.map(({ event_id: id }, i) =>
      i % 3 === 0
        ? { id, outcome: 'denied', reason: 'it moved' }
        : { id, outcome: 'issued', reason: null },
    ),
  );
});

test('text of strangers stays what it is, and what jsonb cannot hold becomes the text of its escape', async () => {
  const lane = newLane();
  const texts = [
    ['a\u001eb\u001f', 'a\u001eb\u001f'],
    ['a\0b', 'a\\u0000b'],
    ['\\\0', '\\\\u0000'],
    ['\\u0000', '\\u0000'],
    ['\ud800', '\\ud800'],
    ['x\udfffy', 'x\\udfffy'],
    ['\u{1f600}\u2028"\\', '\u{1f600}\u2028"\\'],
    ['","seq":9,"x":"', '","seq":9,"x":"'],
  ] as const;
  const entries = texts.map(([text]) =>
    entry({ zone_id: zone.zoneId }, { reason: text, text, [text]: [text], seq: 9, id: text }),
  );
  const tried = await tryAll(lane, entries);
  expect(tried.map((one) => one?.status)).toEqual(texts.map(() => 'recorded'));
  const recorded = await sql<{ event: Record<string, unknown>; event_text: string }>(
    'SELECT audit_event(a) AS event, event_text FROM audit_events a WHERE id = ANY ($1) ORDER BY seq',
    [entries.map(({ event_id: id }) => id)],
  );
  for (const [i, [, kept]] of texts.entries()) {
    const { event, event_text: text } = recorded[i] ?? { event: {}, event_text: '' };
    expect(event).toMatchObject({ reason: kept, text: kept, [kept]: [kept], seq: i + 1 });
    expect(JSON.parse(text)).toEqual(event);
    expect(text).not.toContain('\u001e');
  }
  expect((await verifyChains(home)).faults).toEqual([]);
});

test('the name of a subject is kept as it is or not at all, and what is beside it in a batch is not harmed', async () => {
  const lane = newLane();
  const born = (subject: string) => {
    const id = uuidv7();
    const session = {
      id,
      root_id: id,
      client_id: zone.clientId,
      subject,
      expires_at: 4_000_000_000,
    };
    return entry({ zone_id: zone.zoneId, session });
  };
  const names = ['a\u001eb', 'a\\u0000b', 'a\\ud800b', 'NULL', '{}', 'a\0b', 'a\ud800b'];
  const entries = names.map((name) => born(name));
  const settled = await Promise.allSettled(entries.map((one) => lane.try(one)));
  expect(settled.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 5 }, () => 'fulfilled'),
    'rejected',
    'rejected',
  ]);
  const kept = await sql<{ subject: string }>(
    'SELECT subject FROM sessions WHERE id = ANY ($1) ORDER BY id',
    [entries.map(({ session }) => session?.id)],
  );
  expect(kept.map(({ subject }) => subject)).toEqual(names.slice(0, 5));
});

test('a chain that ends elsewhere is not written to until its end was read again, and that is told', async () => {
  const lane = newLane();
  const zoneId = await idBeside(replica.databaseUrl, zone.zoneId);
  const entries = Array.from({ length: 4 }, () => entry({ zone_id: zoneId }));
  for (const one of entries.slice(0, 2)) {
    expect((await lane.try(one))?.status).toBe('recorded');
  }
  // As a standby has it that did not get the last commit.
  const [events, chains] = await Promise.all(
    ['audit_events', 'audit_chains'].map((name) => tableOf(replica.databaseUrl, zone.zoneId, name)),
  );
  await withClient(home, async (client) => {
    await client.query(`SET session_replication_role = 'replica'`);
    await client.query(`DELETE FROM ${events} WHERE id = $1`, [entries[1]?.event_id]);
    await client.query(
      `UPDATE ${chains} c SET seq = a.seq, hash = a.hash, last_event_id = a.id FROM ${events} a
        WHERE a.id = $1 AND c.zone_id = a.zone_id AND c.writer = a.writer`,
      [entries[0]?.event_id],
    );
  });
  otherEnds.length = 0;
  const [third, fourth] = entries.slice(2);
  expect(await lane.try(third ?? entry())).toBeNull();
  expect(otherEnds).toEqual([[zoneId, 2, 1]]);
  for (const one of [third, fourth]) {
    expect((await lane.try(one ?? entry()))?.status).toBe('recorded');
  }
  expect(otherEnds).toHaveLength(1);
  expect((await verifyChains(home)).faults).toEqual([]);
});

test.each(['sent', 'answered'] as const)(
  'a batch whose connection breaks as it is %s comes to what it would have come to, once',
  async (when) => {
    const lane = newLane(proxy.urlFor(home));
    expect((await lane.try(entry({ zone_id: zone.zoneId })))?.status).toBe('recorded');
    const spent = { ...FACTS['session']?.() } as Fact;
    const made = (differences: Partial<Entry>) => entry({ zone_id: zone.zoneId, ...differences });
    const nonce: Fact = {
      kind: 'nonce_unspent',
      purpose: 'client_assertion',
      nonce: uuidv7(),
      day: '2100-01-01',
      otherwise: { ...OTHERWISE, reason: 'used before' },
    };
    const entries = [
      made({}),
      made({ facts: [nonce] }),
      made({ facts: [nonce, spent] }),
      made({ facts: [spent, FACTS['revoked token']?.() ?? spent] }),
      made({ settings_version: '0' }),
      made({ facts: [spent] }),
    ];
    const cut = proxy.cutWhen(when, [
      'ledger_commit_entries',
      String(entries[1]?.event_id),
      String(entries[5]?.event_id),
    ]);
    const [tried] = await Promise.all([tryAll(lane, entries), cut]);
    expect(tried.map((one, i) => said(one, entries[i] ?? entry()))).toEqual([
      'recorded',
      'recorded',
      'refused for 0',
      'refused for 1',
      'stale',
      'recorded',
    ]);
    const recorded = await sql<{ id: string }>('SELECT id FROM audit_events WHERE id = ANY ($1)', [
      entries.map(({ event_id: id }) => id),
    ]);
    expect(recorded).toHaveLength(5);
    expect((await verifyChains(home)).faults).toEqual([]);
  },
);

test.each([
  ['ledger_record_entries', 'NULL, NULL, NULL, NULL'],
  ['ledger_record_batch', 'NULL, NULL, NULL'],
])(
  'a batch that an older process sends by %s comes to what its facts say',
  async (called, begets) => {
    const ids = Array.from({ length: 5 }, () => uuidv7());
    const each = <T>(value: T): T[] => ids.map(() => value);
    const nonce = `client_assertion ${uuidv7()} 2100-01-01`;
    const facts = [
      { entry: 1, kind: 'session_live', id: live, details: null, refusal: 1 },
      { entry: 2, kind: 'session_live', id: ended, details: null, refusal: 1 },
      { entry: 3, kind: 'settings_version', id: null, details: '0', refusal: null },
      { entry: 4, kind: 'nonce_unspent', id: null, details: nonce, refusal: 2 },
      { entry: 5, kind: 'nonce_unspent', id: null, details: nonce, refusal: 2 },
    ];
    const found = await sql<{ seqs: string[]; others: unknown }>(
      `SELECT seqs::text[], others FROM ${called}($1, false, $2, '{NULL}', $3, $4, $5, NULL, $6, $7::text[], $8, $9, $7::text[]::uuid[], $7::text[]::uuid[],
         $10, $11, $12, $13, $14, $15, $16, '{denied,denied}', $17, ${begets})`,
      [
        uuidv7(),
        [zone.zoneId],
        ids,
        each(1),
        each(true),
        ids,
        each(null),
        each('test'),
        each('issued'),
        ids.map((id) => `"type":"test","request_id":"${id}"`),
        each('"outcome":"issued"'),
        facts.map((fact) => fact.entry),
        facts.map(({ kind }) => kind),
        facts.map(({ id }) => id),
        facts.map(({ details }) => details),
        facts.map(({ refusal }) => refusal),
        ['"outcome":"denied","reason":"over"', '"outcome":"denied","reason":"used before"'],
      ],
    );
    expect(found).toEqual([
      {
        seqs: ['4'],
        others: [
          [2, 'refused', 2],
          [3, 'stale'],
          [5, 'refused', 5],
        ],
      },
    ]);
    const recorded = await sql<{ event: Record<string, unknown> }>(
      'SELECT audit_event(a) AS event FROM audit_events a WHERE id = ANY ($1) ORDER BY seq',
      [ids],
    );
    expect(recorded.map(({ event }) => event['reason'] ?? event['outcome'])).toEqual([
      'issued',
      'over',
      'issued',
      'used before',
    ]);
  },
);

test('a batch looks rows up by keys, also in tables that were empty when its plans were made', async () => {
  // One that no server looks at meanwhile.
  const database = await createDatabase();
  const [zoneId, clientId, sessionId] = [uuidv7(), uuidv7(), uuidv7()];
  const databaseUrl = await databaseOf(database, zoneId);
  const lane = newLane(databaseUrl);
  const scans = async () => {
    await lane.rows('flush', 'SELECT pg_stat_force_next_flush()', []);
    await lane.rows('next', 'SELECT 1', []);
    return rows<{ name: string; n: number }>(
      databaseUrl,
      `SELECT relname AS name, seq_scan::int AS n FROM pg_stat_user_tables
        WHERE relname !~ '^schema_' ORDER BY 1`,
    );
  };
  const all = () => {
    const id = uuidv7();
    return entry({
      zone_id: zoneId,
      settings_version: '1',
      absent_client: uuidv7(),
      facts: [
        {
          kind: 'nonce_unspent',
          purpose: 'gateway_request',
          nonce: id,
          day: '2100-01-01',
          otherwise: OTHERWISE,
        },
        { kind: 'session_live', id: sessionId, otherwise: OTHERWISE },
        ...['token', 'clock'].flatMap((name) => FACTS[name]?.() ?? []),
      ],
      session: {
        id,
        root_id: id,
        client_id: clientId,
        subject: 'somebody',
        expires_at: 4_000_000_000,
      },
    });
  };
  // Nothing is there yet: each plan is made of empty tables.
  const early = Array.from({ length: 3 }, () => ({ ...all(), session: undefined }) as never);
  expect((await tryAll(lane, early)).map((one) => one?.status)).toEqual(early.map(() => 'stale'));
  await rows(database, `INSERT INTO zone_directory (zone_id, name) VALUES ($1, 'z')`, [zoneId]);
  await rows(databaseUrl, `INSERT INTO zones (id, name, sealed_digest_key) VALUES ($1, 'z', '')`, [
    zoneId,
  ]);
  await rows(databaseUrl, 'UPDATE zones SET version = version WHERE id = $1', [zoneId]);
  await rows(
    databaseUrl,
    `INSERT INTO clients (zone_id, id, name, auth_methods) VALUES ($1, $2, 'c', '{client_secret_basic}')`,
    [zoneId, clientId],
  );
  await rows(
    databaseUrl,
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at)
     VALUES ($1, $2, $2, $3, 's', now() + interval '1 hour')`,
    [zoneId, sessionId, clientId],
  );
  const [found] = await rows<{ version: string }>(
    databaseUrl,
    'SELECT settings_version AS version FROM zones WHERE id = $1',
    [zoneId],
  );
  const now = { settings_version: String(found?.version) };
  await tryAll(lane, [{ ...all(), ...now }]);
  const before = await scans();
  for (let i = 0; i < 10; i += 1) {
    const entries = Array.from({ length: 10 }, () => ({ ...all(), ...now }));
    expect((await tryAll(lane, entries)).map((one) => one?.status)).toEqual(
      entries.map(() => 'recorded'),
    );
  }
  expect(await scans()).toEqual(before);
});
