import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { newSigningKeyPair } from '../../src/keys/signing/key-pair.js';
import { seal } from '../../src/sealing/seal.js';
import { digestSecret, generateSecret } from '../../src/zones/clients/secret.js';
import { withClient } from '../../test/setup/databases.js';
import type { TestZone } from '../../test/setup/zone.js';
import { keyEncryption } from './clients.js';
import { pieces, type Growth } from './growth.js';
import { walk, type Walker } from './walk.js';

const PIECE = 500;

/** What a zone has that is the same in a copy: its rows need another zone's id, and no other id of their own. */
const COPIED = [
  'resources',
  'policies',
  'policy_versions',
  'policy_sets',
  'policy_set_versions',
  'policy_set_members',
];

/** A zone to be made: its own secrets, sealed. */
interface NewZone extends Walker {
  readonly id: string;
  readonly sealedDigestKey: Buffer;
  readonly verifier: string;
  readonly kid: string;
  readonly publicJwk: string;
  readonly sealedPrivateKey: Buffer;
}

/** Zones like the first one: each with its own keys, client, resources and active policy. */
export const zones: Growth = {
  name: 'zones',
  sizes: [1, 1_000, 10_000],
  kind: 'session',
  grow: async (zone, from, to) => {
    const walkers: Walker[] = [];
    await withClient(zone.replica.databaseUrl, async (client) => {
      for (const [first, next] of pieces(from, to, PIECE)) {
        const made = await Promise.all(Array.from({ length: next - first }, newZone));
        await insert(client, zone, made);
        walkers.push(...made);
      }
      await client.query('VACUUM ANALYZE');
    });
    return walkers.length === 0 ? null : walk(zone, walkers);
  },
};

async function newZone(): Promise<NewZone> {
  const [id, clientId, secret, digestKey] = [uuidv7(), uuidv7(), generateSecret(), randomBytes(32)];
  const { kid, publicJwk, privateKey } = await newSigningKeyPair('ES256');
  const digestPlace = { purpose: 'client-secret-digest-key', zoneId: id, id } as const;
  const keyPlace = { purpose: 'signing-key', zoneId: id, id: kid } as const;
  return {
    id,
    clientId,
    secret,
    sealedDigestKey: await seal(keyEncryption, digestPlace, digestKey),
    verifier: digestSecret(digestKey, clientId, secret),
    kid,
    publicJwk: JSON.stringify(publicJwk),
    sealedPrivateKey: await seal(keyEncryption, keyPlace, privateKey),
  };
}

async function insert(client: pg.Client, like: TestZone, made: readonly NewZone[]): Promise<void> {
  const ids = made.map(({ id }) => id);
  await client.query('BEGIN');
  await client.query(
    `INSERT INTO zones (id, name, sealed_digest_key) SELECT id, 'zone ' || id, key FROM unnest($1::uuid[], $2::bytea[]) AS new (id, key)`,
    [ids, made.map(({ sealedDigestKey }) => sealedDigestKey)],
  );
  for (const table of COPIED) {
    await client.query(
      `INSERT INTO ${table} SELECT copy.*
         FROM ${table} AS one, unnest($2::uuid[]) AS new (id),
              LATERAL jsonb_populate_record(one, jsonb_build_object('zone_id', new.id)) AS copy
        WHERE one.zone_id = $1`,
      [like.zoneId, ids],
    );
  }
  await client.query(
    `INSERT INTO signing_keys (zone_id, kid, alg, public_jwk, sealed_private_key, published_at, activates_at)
     SELECT new.id, new.kid, 'ES256', new.jwk::jsonb, new.sealed, one.published_at, one.activates_at
       FROM (SELECT * FROM signing_keys WHERE zone_id = $1 LIMIT 1) AS one,
            unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[]) AS new (id, kid, jwk, sealed)`,
    [
      like.zoneId,
      ids,
      made.map(({ kid }) => kid),
      made.map(({ publicJwk }) => publicJwk),
      made.map(({ sealedPrivateKey }) => sealedPrivateKey),
    ],
  );
  await client.query(
    `WITH made AS (
       INSERT INTO clients (zone_id, id, name, auth_methods)
       SELECT new.zone, new.id, 'client', one.auth_methods
         FROM (SELECT * FROM clients WHERE zone_id = $1 AND id = $2) AS one, unnest($3::uuid[], $4::uuid[]) AS new (zone, id))
     INSERT INTO client_secrets (zone_id, client_id, id, kind, verifier)
     SELECT new.zone, new.id, uuidv7(), 'digest', new.verifier
       FROM unnest($3::uuid[], $4::uuid[], $5::text[]) AS new (zone, id, verifier)`,
    [
      like.zoneId,
      like.clientId,
      ids,
      made.map(({ clientId }) => clientId),
      made.map(({ verifier }) => verifier),
    ],
  );
  await client.query(
    `UPDATE zones SET active_policy_set_version_id = one.active_policy_set_version_id, policy_activated_at = now()
       FROM zones AS one WHERE one.id = $1 AND zones.id = ANY ($2)`,
    [like.zoneId, ids],
  );
  await client.query('COMMIT');
}
