import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { StartPatience } from '../../src/platform/database/start-patience.js';
import { migrate } from '../../src/schema/migrate.js';
import { createEmptyDatabase, rows } from '../setup/harness.js';

const ZONE = '0190f4c8-0000-7000-8000-000000000001';
const CLIENT = '0190f4c8-0000-7000-8000-000000000002';
// Of today: what is older goes with its day when the partitions are made.
const PENDING = uuidv7();
const OTHER = uuidv7();

/** Takes the database back to where persons could have two says. */
const BEFORE = `
  DROP INDEX challenge_decisions_by_person;
  ALTER TABLE challenge_decisions DROP COLUMN person, DROP COLUMN amr;
  ALTER TABLE step_up_types DROP COLUMN subject_must_satisfy;
  DELETE FROM schema_migrations WHERE name LIKE 'DecisionPersons%'`;

test('decisions that were stored before are taken over, of each person the first', async () => {
  const databaseUrl = await createEmptyDatabase();
  await migrate(databaseUrl, new StartPatience(60, () => {}));
  await rows(databaseUrl, BEFORE);
  await rows(
    databaseUrl,
    `INSERT INTO zones (id, name, sealed_digest_key) VALUES ($1, 'zone', '')`,
    [ZONE],
  );
  await rows(
    databaseUrl,
    `INSERT INTO clients (zone_id, id, name, auth_methods) VALUES ($1, $2, 'client', '{client_secret_post}')`,
    [ZONE, CLIENT],
  );
  await rows(
    databaseUrl,
    `INSERT INTO challenges (zone_id, id, type, binding, client_id, subject, subject_type, involved_client_ids, request,
                             terms, quorum, approvals, expires_at)
     SELECT $1, id, 'approval', sha256(id::text::bytea), $2, 'alice', 'user', '{}', '{}', '{}', 5, 4,
            now() + interval '5 minutes'
       FROM unnest($3::uuid[]) AS id`,
    [ZONE, CLIENT, [PENDING, OTHER]],
  );
  const bob = JSON.stringify(['https://idp:1', 'b"o\\b:é']);
  const decisions = [
    `proof_system:${OTHER}:${bob}`,
    `proof_system:${CLIENT}:${bob}`,
    `subject:${bob}`,
    `client:${CLIENT}`,
    'operator:admin key',
  ];
  await rows(
    databaseUrl,
    `INSERT INTO challenge_decisions (zone_id, challenge_id, decided_by, method, decision, reason, decided_at)
     SELECT $1, $2, by, 'operator', 'approved', 'x', now() + n * interval '1 s'
       FROM unnest($3::text[]) WITH ORDINALITY AS d(by, n)`,
    [ZONE, PENDING, decisions],
  );
  expect(await migrate(databaseUrl, new StartPatience(60, () => {}))).toEqual([
    expect.stringMatching(/^DecisionPersons/),
  ]);
  const stored = await rows(
    databaseUrl,
    'SELECT decided_by, person FROM challenge_decisions ORDER BY decided_at',
  );
  expect(stored).toEqual([
    { decided_by: decisions[0], person: bob },
    { decided_by: decisions[3], person: `[null,"${CLIENT}"]` },
    { decided_by: decisions[4], person: 'operator:admin key' },
  ]);
  const counted = await rows(databaseUrl, 'SELECT id, approvals FROM challenges ORDER BY id');
  expect(counted).toEqual([
    { id: PENDING, approvals: 3 },
    { id: OTHER, approvals: 0 },
  ]);
});
