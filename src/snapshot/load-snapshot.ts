import type { EntityManager } from 'typeorm';
import { ClientSecret } from '../clients/client-secret.entity.js';
import { Client } from '../clients/client.entity.js';
import type { SecretRecord } from '../clients/secret-verifier.js';
import type { Keys } from '../keys/keys.service.js';
import { SigningKey } from '../keys/signing-key.entity.js';
import type { PolicySets } from '../policy/policy-sets.service.js';
import { Resource } from '../zones/resource.entity.js';
import { Zone } from '../zones/zone.entity.js';
import type { ClientView, ZoneSnapshot } from './zone-snapshot.js';

/**
 * Reads a whole zone.
 *
 * @param tx a REPEATABLE READ transaction, so that all of it is of one version
 * @param now milliseconds since the epoch
 * @returns `null` for an unknown zone
 */
export async function loadSnapshot(
  tx: EntityManager,
  zoneId: string,
  now: number,
  { keys, policySets }: { keys: Keys; policySets: PolicySets },
): Promise<ZoneSnapshot | null> {
  const zone = await tx.findOne(Zone, { where: { id: zoneId } });
  if (zone === null) return null;
  const clients = await tx.find(Client, { where: { zoneId } });
  const secrets = await tx.find(ClientSecret, { where: { zoneId } });
  const resources = await tx.find(Resource, { where: { zoneId } });
  const signingKeys = await tx.find(SigningKey, { where: { zoneId } });
  return {
    zoneId,
    version: zone.version,
    clients: clientViews(clients, secrets),
    resources: new Map(
      resources.map(({ id, identifier, scopes, access }) => [
        identifier,
        { id, identifier, scopes, access },
      ]),
    ),
    digestKey: keys.openDigestKey(zoneId, zone.sealedDigestKey),
    keys: await keys.openRing(signingKeys, now),
    policy: await policySets.loadActive(tx, zoneId, zone.activePolicySetVersionId),
    loadedAt: now,
  };
}

function clientViews(
  clients: readonly Client[],
  secrets: readonly ClientSecret[],
): Map<string, ClientView> {
  const secretsOf = new Map<string, SecretRecord[]>();
  for (const { clientId, kind, verifier, expiresAt, revokedAt } of secrets) {
    if (revokedAt !== null) continue;
    const records = secretsOf.get(clientId) ?? [];
    records.push({ kind, verifier, expiresAt: expiresAt?.getTime() ?? null });
    secretsOf.set(clientId, records);
  }
  return new Map(
    clients.map(({ id, labels, authMethods, registrationMethod, disabledAt }) => [
      id,
      {
        id,
        labels,
        authMethods,
        registrationMethod,
        disabled: disabledAt !== null,
        secrets: secretsOf.get(id) ?? [],
      },
    ]),
  );
}
