import { v7 as uuidv7 } from 'uuid';
import { LocalKeyEncryption } from '../../src/sealing/local-key-encryption.js';
import { unseal } from '../../src/sealing/seal.js';
import { digestSecret, generateSecret } from '../../src/zones/clients/secret.js';
import { rows, withClient } from '../../test/setup/databases.js';
import { KEY_ENCRYPTION_KEY } from '../../test/setup/server-process.js';
import type { TestZone } from '../../test/setup/zone.js';
import { pieces, type Growth } from './growth.js';
import { walk } from './walk.js';

const PIECE = 20_000;

/** The key that stands for the operator's in a measurement. */
export const keyEncryption = new LocalKeyEncryption(Buffer.from(KEY_ENCRYPTION_KEY, 'hex'));

/** Clients of one zone, each with a secret that works. */
export const clients: Growth = {
  name: 'clients',
  sizes: [1, 10_000, 1_000_000],
  kind: 'session',
  grow: async (zone, from, to) => {
    const secret = generateSecret();
    const digestKey = await digestKeyOf(zone);
    const ids: string[] = [];
    await withClient(zone.replica.databaseUrl, async (client) => {
      for (const [first, next] of pieces(from, to, PIECE)) {
        const piece = Array.from({ length: next - first }, () => uuidv7());
        const verifiers = piece.map((id) => digestSecret(digestKey, id, secret));
        // One statement, so that the version of the zone grows once.
        await client.query(
          `WITH made AS (
             INSERT INTO clients (zone_id, id, name, auth_methods)
             SELECT one.zone_id, new.id, 'client ' || new.id, one.auth_methods
               FROM (SELECT * FROM clients WHERE zone_id = $1 AND id = $2) AS one, unnest($3::uuid[]) AS new (id))
           INSERT INTO client_secrets (zone_id, client_id, id, kind, verifier)
           SELECT $1, new.id, uuidv7(), 'digest', new.verifier FROM unnest($3::uuid[], $4::text[]) AS new (id, verifier)`,
          [zone.zoneId, zone.clientId, piece, verifiers],
        );
        ids.push(...piece);
      }
      await client.query('VACUUM ANALYZE clients, client_secrets');
    });
    if (ids.length === 0) return null;
    return walk(
      zone,
      ids.map((clientId) => ({ clientId, secret })),
    );
  },
};

/** The key that a zone digests secrets with, opened. */
async function digestKeyOf({ zoneId, replica }: TestZone): Promise<Buffer> {
  const [row] = await rows<{ sealed: Buffer }>(
    replica.databaseUrl,
    'SELECT sealed_digest_key AS sealed FROM zones WHERE id = $1',
    [zoneId],
  );
  if (row === undefined) throw new Error('there is no such zone');
  const place = { purpose: 'client-secret-digest-key', zoneId, id: zoneId } as const;
  return unseal([keyEncryption], place, row.sealed);
}
