import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { withClient } from './databases.js';
import { databaseOf } from './zone-database.js';

/** The two chains of a zone whose audit log is tampered with: the first is of texts, the second of `jsonb`, as earlier versions wrote. */
export interface Tampered {
  readonly zone: string;
  readonly writers: readonly [texts: string, jsonb: string];
}

/** How many events each of them has. */
export const EVENTS = 6;

/** Begins chains in a zone that there is nothing else of. */
export async function recordEvents(client: pg.Client, { zone, writers }: Tampered): Promise<void> {
  const [texts, jsonb] = writers;
  for (let i = 1; i <= EVENTS; i += 1) {
    await appendEvent(client, zone, texts, `r${i}`);
    await client.query(
      `SELECT audit_append($1, $2, new_uuid_v7(), jsonb_build_object('type', 'test', 'outcome', 'done', 'request_id', $3::text))`,
      [zone, jsonb, `r${i}`],
    );
  }
}

/** Records an event as the ledger does. */
export async function appendEvent(
  client: pg.Client,
  zone: string,
  writer: string,
  request: string,
): Promise<void> {
  await client.query(
    `SELECT audit_append_text($1, $2, new_uuid_v7(), $3, NULL, 'test', 'done', NULL, NULL, $4, $5)`,
    [zone, writer, request, `"type":"test","request_id":"${request}"`, '"outcome":"done"'],
  );
}

/** What somebody does who may do everything in the database. The statements are one transaction. */
export interface Tampering {
  readonly name: string;
  readonly sql: (of: Tampered & { readonly other: string }) => string;
  /** Whether it is of what a bundle has not: columns beside texts, heads, and what comes after the last checkpoint. */
  readonly notInBundles?: true;
  /** What a verifier finds that has the database alone: kind, chain (by its number in `writers`), first number. */
  readonly found: readonly (readonly [kind: string, chain: 0 | 1, seq: number])[];
}

/** Does what the owner of a server can, whom no trigger stops. */
export async function tamper(
  databaseUrl: string,
  of: Tampered,
  { sql }: Pick<Tampering, 'sql'>,
): Promise<void> {
  await withClient(await databaseOf(databaseUrl, of.zone), async (owner) => {
    await owner.query('SET session_replication_role = replica');
    await owner.query(sql({ ...of, other: uuidv7() }));
  });
}

const one = (zone: string, writer: string, seq: number): string =>
  `zone_id = '${zone}' AND writer = '${writer}' AND seq = ${seq}`;

/** Sets members of one event. */
const set =
  (chain: 0 | 1, seq: number, changes: string): Tampering['sql'] =>
  ({ zone, writers }) =>
    `UPDATE audit_events SET ${changes} WHERE ${one(zone, writers[chain], seq)}`;

/** Exchanges columns of two events. */
const swap =
  (columns: readonly string[]): Tampering['sql'] =>
  ({ zone, writers: [writer] }) =>
    `UPDATE audit_events a SET (${columns.join(', ')}) = ROW (${columns.map((name) => `b.${name}`).join(', ')})
       FROM (SELECT * FROM audit_events WHERE zone_id = '${zone}' AND writer = '${writer}' AND seq IN (2, 4)) AS b
      WHERE a.zone_id = '${zone}' AND a.writer = '${writer}' AND a.seq IN (2, 4) AND b.seq = 6 - a.seq`;

const COLUMNS =
  'zone_id, id, occurred_at, writer, seq, request_id, request_label, type, outcome, client_id, jti, previous_hash, hash, event, event_text';

/** Deletes events from a number on, and sets the head to what is before them. */
const putBack =
  (from: number): Tampering['sql'] =>
  ({ zone, writers: [writer] }) => `
    DELETE FROM audit_events WHERE zone_id = '${zone}' AND writer = '${writer}' AND seq >= ${from};
    UPDATE audit_chains c SET seq = a.seq, hash = a.hash, last_event_id = a.id
      FROM audit_events a WHERE c.zone_id = '${zone}' AND c.writer = '${writer}'
       AND a.zone_id = c.zone_id AND a.writer = c.writer AND a.seq = ${from - 1}`;

/** Writes an event behind the last one of the first chain, with a moment of somebody's choice. */
const append =
  (ago: string, head: boolean): Tampering['sql'] =>
  ({ zone, writers: [writer] }) => `
    INSERT INTO audit_events (${COLUMNS})
    SELECT n.zone_id, n.id, n.at, n.writer, n.seq, 'r', NULL, 'test', 'done', NULL, NULL, n.hash,
           sha256(n.hash || convert_to(n.content, 'UTF8')), '{}', n.content
      FROM (SELECT c.*, m.id, m.at, c.seq AS before,
                   format('{"id":"%s","zone_id":"%s","writer":"%s","occurred_at":"%s","seq":%s,"type":"test","request_id":"r","outcome":"done"}',
                          m.id, c.zone_id, c.writer, to_char(m.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), c.seq + 1) AS content
              FROM (SELECT zone_id, writer, seq, hash FROM audit_chains WHERE zone_id = '${zone}' AND writer = '${writer}') AS c
             CROSS JOIN (SELECT new_uuid_v7() AS id, now() - interval '${ago}' AS at) AS m) AS b
     CROSS JOIN LATERAL (SELECT b.zone_id, b.id, b.at, b.writer, b.seq + 1 AS seq, b.hash, b.content) AS n;
    ${
      head
        ? `UPDATE audit_chains c SET seq = a.seq, hash = a.hash, last_event_id = a.id FROM audit_events a
            WHERE c.zone_id = '${zone}' AND c.writer = '${writer}' AND a.zone_id = c.zone_id AND a.writer = c.writer AND a.seq = c.seq + 1`
        : ''
    }`;

/** What changes the log so that its chains do not fit any more. */
export const TAMPERINGS: readonly Tampering[] = [
  {
    name: 'changes a text',
    sql: set(0, 3, `event_text = replace(event_text, 'done', 'none')`),
    found: [['changed', 0, 3]],
  },
  {
    name: 'changes an event of jsonb',
    sql: set(1, 3, `event = event || '{"outcome":"none"}'`),
    found: [['changed', 1, 3]],
  },
  {
    name: 'changes a text and its hash',
    sql: set(
      0,
      3,
      `event_text = replace(event_text, 'r3', 'r9'), request_id = 'r9',
       hash = sha256(previous_hash || convert_to(replace(event_text, 'r3', 'r9'), 'UTF8'))`,
    ),
    found: [['changed', 0, 3]],
  },
  {
    name: 'changes a column that is searched by',
    notInBundles: true,
    sql: set(0, 2, `outcome = 'denied'`),
    found: [['changed', 0, 2]],
  },
  {
    name: 'says of an event that it is of a client',
    notInBundles: true,
    sql: set(1, 2, `client_id = gen_random_uuid()`),
    found: [['changed', 1, 2]],
  },
  {
    name: 'gives an event another id',
    notInBundles: true,
    sql: set(0, 6, 'id = new_uuid_v7()'),
    found: [['changed', 0, 6]],
  },
  { name: 'changes a hash', sql: set(0, 4, `hash = sha256('x')`), found: [['changed', 0, 4]] },
  {
    name: 'changes the hash before',
    sql: set(0, 4, `previous_hash = sha256('x')`),
    found: [['changed', 0, 4]],
  },
  {
    name: 'puts another content beside a text',
    notInBundles: true,
    sql: set(0, 4, `event = '{"outcome":"denied"}'`),
    found: [['changed', 0, 4]],
  },
  {
    name: 'puts another content in the place of a text',
    sql: set(0, 4, `event = event_text::jsonb || '{"outcome":"denied"}', event_text = NULL`),
    found: [['changed', 0, 4]],
  },
  {
    name: 'writes a text that is no event',
    sql: set(0, 6, `event_text = '[]', hash = sha256(previous_hash || convert_to('[]', 'UTF8'))`),
    found: [['changed', 0, 6]],
  },
  {
    name: 'makes an event a year older',
    notInBundles: true,
    sql: set(0, 3, `occurred_at = occurred_at - interval '1 year'`),
    found: [['backdated', 0, 3]],
  },
  {
    name: 'writes an event of a year ago with all hashes',
    notInBundles: true,
    sql: append('1 year', true),
    found: [['backdated', 0, 7]],
  },
  {
    name: 'writes an event and forgets the head',
    notInBundles: true,
    sql: append('0', false),
    found: [['head', 0, 7]],
  },
  {
    name: 'deletes an event',
    sql: ({ zone, writers: [writer] }) => `DELETE FROM audit_events WHERE ${one(zone, writer, 3)}`,
    found: [['removed', 0, 3]],
  },
  {
    name: 'deletes the first events',
    sql: ({ zone, writers: [writer] }) =>
      `DELETE FROM audit_events WHERE zone_id = '${zone}' AND writer = '${writer}' AND seq < 3`,
    found: [['removed', 0, 1]],
  },
  {
    name: 'deletes the last events',
    sql: ({ zone, writers: [writer] }) =>
      `DELETE FROM audit_events WHERE zone_id = '${zone}' AND writer = '${writer}' AND seq > 4`,
    found: [['removed', 0, 5]],
  },
  {
    name: 'deletes all events of a chain',
    sql: ({ zone, writers: [writer] }) =>
      `DELETE FROM audit_events WHERE zone_id = '${zone}' AND writer = '${writer}'`,
    found: [['removed', 0, 1]],
  },
  {
    name: 'deletes an event and moves up those behind it',
    sql: ({ zone, writers: [writer] }) => `
      DELETE FROM audit_events WHERE ${one(zone, writer, 5)};
      UPDATE audit_events SET seq = 5 WHERE ${one(zone, writer, 6)};
      UPDATE audit_chains SET seq = 5 WHERE zone_id = '${zone}' AND writer = '${writer}'`,
    found: [['reordered', 0, 5]],
  },
  {
    name: 'exchanges the numbers of two events',
    sql: swap(['seq']),
    found: [
      ['reordered', 0, 2],
      ['reordered', 0, 4],
    ],
  },
  {
    name: 'exchanges the places of two events, with hashes',
    sql: swap(['seq', 'previous_hash', 'hash']),
    found: [
      ['changed', 0, 2],
      ['changed', 0, 4],
    ],
  },
  {
    name: 'copies an event in between',
    notInBundles: true,
    sql: ({ zone, writers: [writer] }) => `
      INSERT INTO audit_events (${COLUMNS})
      SELECT zone_id, new_uuid_v7(), occurred_at, writer, 4, request_id, request_label, type, outcome, client_id, jti,
             previous_hash, hash, event, event_text FROM audit_events WHERE ${one(zone, writer, 2)}`,
    found: [['added', 0, 4]],
  },
  {
    name: 'moves an event to another chain',
    sql: ({ zone, writers: [texts, jsonb] }) => `
      UPDATE audit_events SET writer = '${jsonb}', seq = 7 WHERE ${one(zone, texts, 3)};
      UPDATE audit_chains c SET seq = 7, hash = a.hash, last_event_id = a.id
        FROM audit_events a WHERE c.zone_id = '${zone}' AND c.writer = '${jsonb}'
         AND a.zone_id = c.zone_id AND a.writer = c.writer AND a.seq = 7`,
    found: [
      ['removed', 0, 3],
      ['added', 1, 7],
    ],
  },
  {
    name: 'moves an event to another zone',
    sql: ({ zone, other, writers: [writer] }) =>
      `UPDATE audit_events SET zone_id = '${other}' WHERE ${one(zone, writer, 3)}`,
    found: [['removed', 0, 3]],
  },
  {
    name: 'deletes a head',
    notInBundles: true,
    sql: ({ zone, writers: [writer] }) =>
      `DELETE FROM audit_chains WHERE zone_id = '${zone}' AND writer = '${writer}'`,
    found: [['head', 0, 6]],
  },
  {
    name: 'changes a head',
    notInBundles: true,
    sql: ({ zone, writers: [writer] }) =>
      `UPDATE audit_chains SET hash = sha256('x') WHERE zone_id = '${zone}' AND writer = '${writer}'`,
    found: [['head', 0, 6]],
  },
  {
    name: 'puts an older head back',
    notInBundles: true,
    sql: ({ zone, writers: [writer] }) => `
      UPDATE audit_chains c SET seq = a.seq, hash = a.hash, last_event_id = a.id
        FROM audit_events a WHERE c.zone_id = '${zone}' AND c.writer = '${writer}'
         AND a.zone_id = c.zone_id AND a.writer = c.writer AND a.seq = 4`,
    found: [['head', 0, 5]],
  },
  {
    name: 'says of events that are gone that their day was dropped, and knows no hash',
    sql: ({ zone, writers: [writer] }) => `
      DELETE FROM audit_events WHERE zone_id = '${zone}' AND writer = '${writer}' AND seq < 3;
      INSERT INTO audit_heads (zone_id, writer, first_seq, last_seq, day, previous_hash, hash)
      VALUES ('${zone}', '${writer}', 1, 2, '2020-01-01', decode(repeat('00', 32), 'hex'), sha256('x'))`,
    found: [['head', 0, 3]],
  },
  {
    name: 'says of events that are there that their day was dropped',
    notInBundles: true,
    sql: ({ zone, writers: [writer] }) => `
      INSERT INTO audit_heads (zone_id, writer, first_seq, last_seq, day, previous_hash, hash)
      SELECT zone_id, writer, seq, seq, '2020-01-01', previous_hash, hash FROM audit_events WHERE ${one(zone, writer, 1)}`,
    found: [['added', 0, 1]],
  },
];

/** What leaves chains that fit, so that only what was kept elsewhere shows it. */
export const SEAMLESS: readonly Omit<Tampering, 'found'>[] = [
  { name: 'deletes the newest events, and puts the head back', sql: putBack(5) },
  { name: 'writes an event of now with all hashes', notInBundles: true, sql: append('0', true) },
  {
    name: 'writes a chain anew with the functions of the product',
    sql: ({ zone, writers: [writer] }) => `
      DELETE FROM audit_events WHERE zone_id = '${zone}' AND writer = '${writer}';
      DELETE FROM audit_chains WHERE zone_id = '${zone}' AND writer = '${writer}';
      DO $$ BEGIN FOR i IN 1..6 LOOP
        PERFORM audit_append('${zone}', '${writer}', new_uuid_v7(),
                             '{"type":"test","outcome":"denied","request_id":"x"}');
      END LOOP; END $$`,
  },
  {
    name: 'removes a chain as if it had never been',
    sql: ({ zone, writers: [writer] }) => `
      DELETE FROM audit_events WHERE zone_id = '${zone}' AND writer = '${writer}';
      DELETE FROM audit_chains WHERE zone_id = '${zone}' AND writer = '${writer}'`,
  },
];

const ofZone =
  (text: string): Tampering['sql'] =>
  ({ zone }) =>
    text.replaceAll('$zone', `'${zone}'`);
const INSTALLATION = `'ffffffff-ffff-ffff-ffff-ffffffffffff'`;

/** What changes that which is sealed, or leaves chains that fit: a verifier that has checkpoints of before finds it. */
export const OF_SEALED: readonly Omit<Tampering, 'found'>[] = [
  {
    name: 'edits a tile',
    sql: ofZone(
      `UPDATE evidence_tiles SET hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40)) WHERE zone_id = $zone`,
    ),
  },
  {
    name: 'cuts a tile',
    sql: ofZone(`UPDATE evidence_tiles SET hashes = substr(hashes, 1, 96) WHERE zone_id = $zone`),
  },
  { name: 'deletes tiles', sql: ofZone(`DELETE FROM evidence_tiles WHERE zone_id = $zone`) },
  {
    name: 'edits a tile of the log of all',
    sql: () =>
      `UPDATE evidence_tiles SET hashes = set_byte(hashes, 0, 255 - get_byte(hashes, 0)) WHERE zone_id = ${INSTALLATION}`,
  },
  {
    name: 'exchanges which events leaves are',
    sql: ofZone(`UPDATE evidence_runs r SET writer = o.writer, first_seq = o.first_seq, last_seq = o.last_seq
      FROM evidence_runs o WHERE r.zone_id = $zone AND o.zone_id = $zone AND r.first_leaf IN (0, 11) AND o.first_leaf = 11 - r.first_leaf`),
  },
  {
    name: 'forgets which event the last leaf is',
    sql: ofZone(`DELETE FROM evidence_runs WHERE zone_id = $zone AND first_leaf = 11`),
  },
  {
    name: 'says that events are sealed which there never were',
    sql: ofZone(`UPDATE evidence_heads SET seq = 9 WHERE zone_id = $zone`),
  },
  {
    name: 'writes another root into a checkpoint',
    sql: ofZone(`UPDATE zone_checkpoints SET root = sha256('x'),
      body = replace(body, encode(root, 'base64'), encode(sha256('x'), 'base64')) WHERE zone_id = $zone`),
  },
  {
    name: 'makes a checkpoint older',
    sql: ofZone(
      `UPDATE zone_checkpoints SET body = regexp_replace(body, 'time 2...', 'time 2001') WHERE zone_id = $zone`,
    ),
  },
  {
    name: 'deletes a checkpoint',
    sql: ofZone(`DELETE FROM zone_checkpoints WHERE zone_id = $zone`),
  },
  {
    name: 'deletes what is signed',
    sql: () => `DELETE FROM checkpoints; DELETE FROM zone_checkpoints; DELETE FROM evidence_tiles;
      DELETE FROM evidence_runs; DELETE FROM evidence_heads; DELETE FROM evidence_logs; DELETE FROM evidence_checkpointed`,
  },
  {
    name: 'edits a note',
    sql: () => `UPDATE checkpoints SET note = replace(note, '/audit', '/audit2')`,
  },
  {
    name: 'edits a root beside its note',
    sql: () => `UPDATE checkpoints SET root = sha256('x')`,
  },
  {
    name: 'exchanges the keys',
    sql: () => `UPDATE checkpoint_keys SET vkey = 'mandate.example/audit+00000000+AQ=='`,
  },
  {
    name: 'sets a log back',
    sql: ofZone(`UPDATE evidence_logs SET size = 3, root = sha256('x') WHERE zone_id = $zone`),
  },
  {
    name: 'calls a log otherwise',
    sql: ofZone(
      `UPDATE evidence_logs SET origin = 'elsewhere.example/audit' WHERE zone_id = $zone`,
    ),
  },
  {
    name: 'says that less is in a checkpoint',
    sql: ofZone(`UPDATE evidence_checkpointed SET size = 3 WHERE zone_id = $zone`),
  },
  {
    name: 'forgets that anything of a zone was sealed',
    sql: ofZone(`DELETE FROM evidence_tiles WHERE zone_id = $zone; DELETE FROM evidence_runs WHERE zone_id = $zone;
      DELETE FROM evidence_heads WHERE zone_id = $zone; DELETE FROM evidence_logs WHERE zone_id = $zone;
      DELETE FROM evidence_checkpointed WHERE zone_id = $zone; DELETE FROM zone_checkpoints WHERE zone_id = $zone`),
  },
  {
    name: 'truncates a day',
    sql: ofZone(
      `DO $$ BEGIN EXECUTE (SELECT format('TRUNCATE %s', tableoid::regclass) FROM audit_events WHERE zone_id = $zone LIMIT 1); END $$`,
    ),
  },
  {
    name: 'writes an event anew with its tile',
    sql: ({ zone, writers: [writer] }) => `
      UPDATE audit_events SET event_text = replace(event_text, 'r6', 'r9'), request_id = 'r9',
             hash = sha256(previous_hash || convert_to(replace(event_text, 'r6', 'r9'), 'UTF8')) WHERE ${one(zone, writer, 6)};
      UPDATE audit_chains c SET hash = a.hash FROM audit_events a
       WHERE c.zone_id = '${zone}' AND c.writer = '${writer}' AND a.zone_id = c.zone_id AND a.writer = c.writer AND a.seq = 6;
      UPDATE evidence_tiles SET hashes = (
        SELECT string_agg(sha256('\\x00'::bytea || a.hash), ''::bytea ORDER BY r.first_leaf + a.seq - r.first_seq)
          FROM evidence_runs r JOIN audit_events a ON a.zone_id = r.zone_id AND a.writer = r.writer
           AND a.seq BETWEEN r.first_seq AND r.last_seq WHERE r.zone_id = '${zone}') WHERE zone_id = '${zone}'`,
  },
];
