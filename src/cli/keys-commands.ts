import type { EntityManager } from 'typeorm';
import type { Rewrap } from '../admin/keys/rewrap.service.js';
import type { KeyEncryptionKeys } from '../sealing/key-encryption-keys.service.js';
import { keyIdOf } from '../keys/signing/key-pair.js';
import type { KeyUsage } from '../sealing/key-usage.js';
import type { SealedValues, StoredValue } from '../sealing/sealed-values.service.js';
import { SigningKey } from '../keys/signing-key.entity.js';
import type { Sealing } from '../sealing/sealing.service.js';
import { EXIT, table, type CommandResult } from './command-result.js';

/** The services that {@link rewrapAll} uses. */
export interface RewrapServices {
  readonly keyEncryptionKeys: Pick<KeyEncryptionKeys, 'usage'>;
  readonly rewrap: Pick<Rewrap, 'run'>;
  readonly sealing: Pick<Sealing, 'keks'>;
}

/** The services that {@link verifyAll} uses. */
export interface VerifyServices {
  readonly keyEncryptionKeys: Pick<KeyEncryptionKeys, 'usage'>;
  readonly sealedValues: Pick<SealedValues, 'read' | 'opens'>;
  readonly read: Pick<EntityManager, 'getRepository'>;
  readonly sealing: Pick<Sealing, 'keks'>;
}

/**
 * `keys rewrap`: seals every value under the present key-encryption key, and lists the keys still in use.
 *
 * @param all also values that are sealed under it already
 */
export async function rewrapAll(services: RewrapServices, all: boolean): Promise<CommandResult> {
  const { done, skipped, broken } = await services.rewrap.run(all);
  const keys = await describeKeys(services);
  return {
    code: broken.length === 0 ? EXIT.done : EXIT.wrong,
    json: { sealed_anew: done, skipped, broken: broken.map(placeOf), ...keys.json },
    lines: [
      `sealed anew: ${done}`,
      ...(skipped === 0 ? [] : [`changed meanwhile, run it again: ${skipped}`]),
      ...describeBroken(broken),
      ...keys.lines,
    ],
  };
}

/**
 * `keys verify`: opens every sealed value, compares each public key with its `kid`, to which the private
 * one is sealed, and lists the key-encryption keys in use.
 */
export async function verifyAll(services: VerifyServices): Promise<CommandResult> {
  let opened = 0;
  const broken: StoredValue[] = [];
  for await (const value of services.sealedValues.read()) {
    if (await services.sealedValues.opens(value)) opened += 1;
    else broken.push(value);
  }
  const foreign = await foreignKeys(services.read);
  const keys = await describeKeys(services);
  return {
    code: broken.length + foreign.length === 0 ? EXIT.done : EXIT.wrong,
    json: { opened, broken: broken.map(placeOf), foreign_public_keys: foreign, ...keys.json },
    lines: [
      `opened: ${opened}`,
      ...describeBroken(broken),
      ...foreign.map((key) => `not the public key of ${key.kid} in zone ${key.zone_id}`),
      ...keys.lines,
    ],
  };
}

/** The signing keys whose public key is not that of their `kid`: verifiers would believe it, we would not. */
async function foreignKeys(read: Pick<EntityManager, 'getRepository'>) {
  const foreign: { zone_id: string; kid: string }[] = [];
  for (const { zoneId, kid, publicJwk } of await read.getRepository(SigningKey).find()) {
    if ((await thumbprintOf(publicJwk)) !== kid) foreign.push({ zone_id: zoneId, kid });
  }
  return foreign;
}

/** The RFC 7638 thumbprint of a public key, `null` if it is malformed. */
async function thumbprintOf(publicJwk: SigningKey['publicJwk']): Promise<string | null> {
  try {
    return await keyIdOf(publicJwk);
  } catch {
    return null;
  }
}

/** Each key-encryption key that is in use or was given, and whether it can be removed. */
async function describeKeys({
  keyEncryptionKeys,
  sealing: { keks },
}: RewrapServices | VerifyServices): Promise<{ lines: string[]; json: object }> {
  const usages = await keyEncryptionKeys.usage();
  const given = new Set(keks.opening.map(({ id }) => id));
  const ids = new Set([...given, ...usages.map(({ keyId }) => keyId)]);
  const keys = [...ids].map((id) => {
    const values = countOf(usages.filter(({ keyId }) => keyId === id));
    const seals = id === keks.sealing.id;
    return { id, values, seals, given: given.has(id), needed: seals || values > 0 };
  });
  return {
    json: { key_encryption_keys: keys },
    lines: [
      '',
      ...table([
        ['key-encryption key', 'values', ''],
        ...keys.map((key) => [key.id, String(key.values), noteOn(key)]),
      ]),
    ],
  };
}

function noteOn(key: { seals: boolean; given: boolean; needed: boolean }): string {
  if (!key.given) return 'in use, and not given to this process';
  if (key.seals) return 'seals';
  return key.needed ? 'still in use: keep it' : 'not in use: may be let go of';
}

function countOf(usages: readonly KeyUsage[]): number {
  return usages.reduce((sum, { count }) => sum + count, 0);
}

function placeOf({ place, zoneId, id, keyId }: StoredValue) {
  return { table: place.table, column: place.column, zone_id: zoneId, id, key_id: keyId };
}

function describeBroken(broken: readonly StoredValue[]): string[] {
  return broken.map(
    ({ place, zoneId, id, keyId }) =>
      `does not open: ${place.table}.${place.column} of ${id} in zone ${zoneId} (under ${keyId})`,
  );
}
