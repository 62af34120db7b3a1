import { ConflictException, UnprocessableEntityException } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { IsNull, type EntityManager } from 'typeorm';
import { SECRET_METHODS } from '../../authentication/authentication-methods.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { ClientSecret } from '../../zones/clients/client-secret.entity.js';
import { Client } from '../../zones/clients/client.entity.js';
import { checkDefaultResources } from '../zones/default-resources.js';
import { digestSecret, generateSecret, MAX_LIVE_SECRETS } from '../../zones/clients/secret.js';
import { takesSecret, type RegisteredAuthentication } from './registered-authentication.js';

/** What a client is registered with. */
export interface ClientRegistration {
  readonly name: string;
  readonly description?: string | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  /** What its requests are for that name no resource, by identifier. */
  readonly defaultResources?: readonly string[] | undefined;
  /** Whether it may receive shared signals; not unless this says so. */
  readonly ssf?: boolean | undefined;
  /** What its introspection answers are signed with; JSON unless this says so. */
  readonly introspectionAlg?: ZoneAlg | undefined;
  /** What operators call the application elsewhere. */
  readonly appId?: string | undefined;
  /** All that it may be granted; not limited unless this says so. */
  readonly scopes?: readonly string[] | null | undefined;
  /** All resources that it may have mandates for; not limited unless this says so. */
  readonly audience?: readonly string[] | null | undefined;
  /** The most seconds that its mandates live; not limited unless this says so. */
  readonly accessTokenLifespan?: number | null | undefined;
  /** By a secret, unless it is said otherwise. */
  readonly authentication?: RegisteredAuthentication | undefined;
}

const BY_SECRET: RegisteredAuthentication = {
  authMethods: SECRET_METHODS,
  jwks: null,
  jwksUri: null,
  assertionAudience: 'issuer',
  workloadIssuer: null,
  workloadSubject: null,
};

/**
 * Registers a client in a zone. It has no secret yet.
 *
 * @throws {UnprocessableEntityException} for a default resource that is not registered, and for an algorithm with which the
 *   zone does not sign
 */
export async function createClient(
  tx: EntityManager,
  zoneId: string,
  registration: ClientRegistration,
): Promise<Client> {
  const id = uuidv7();
  const clients = tx.getRepository(Client);
  await clients.insert({
    zoneId,
    id,
    name: registration.name,
    description: registration.description ?? null,
    appId: registration.appId ?? null,
    scopes: setOf(registration.scopes),
    audience: setOf(registration.audience),
    accessTokenLifespan: registration.accessTokenLifespan ?? null,
    labels: [...new Set(registration.labels)].toSorted(),
    groups: [...new Set(registration.groups)].toSorted(),
    defaultResources: await checkDefaultResources(
      tx,
      zoneId,
      registration.defaultResources ?? null,
    ),
    ssf: registration.ssf ?? false,
    introspectionAlg: await checkIntrospectionAlg(
      tx,
      zoneId,
      registration.introspectionAlg ?? null,
    ),
    ...columnsOf(registration.authentication ?? BY_SECRET),
    registrationMethod: 'manual',
    disabledAt: null,
  });
  return clients.findOneByOrFail({ zoneId, id });
}

/** Texts, each once; `null` if there is no list. */
export function setOf(texts: readonly string[] | null | undefined): string[] | null {
  return texts === null || texts === undefined ? null : [...new Set(texts)].toSorted();
}

/**
 * Checks what introspection answers are to be signed with (RFC 9701 6).
 *
 * @returns the same
 * @throws {UnprocessableEntityException} for an algorithm with which the zone does not sign
 */
export async function checkIntrospectionAlg(
  tx: EntityManager,
  zoneId: string,
  alg: ZoneAlg | null,
): Promise<ZoneAlg | null> {
  if (alg === null) return null;
  const rows = await tx.query<unknown[]>(SIGNS_WITH, [zoneId, alg]);
  if (rows.length > 0) return alg;
  const why = 'introspection_signed_response_alg: the zone does not sign with that';
  throw new UnprocessableEntityException(why);
}

/** The algorithms of a zone: its own, and those that resources ask for. */
const SIGNS_WITH = `
  SELECT 1 FROM zones z WHERE z.id = $1 AND z.signing_alg = $2
  UNION ALL
  SELECT 1 FROM resources r WHERE r.zone_id = $1 AND r.signing_alg = $2 LIMIT 1`;

/** Changes how a client authenticates. Without a way to use them, its secrets are revoked. */
export async function changeAuthentication(
  tx: EntityManager,
  { zoneId, id }: { readonly zoneId: string; readonly id: string },
  authentication: RegisteredAuthentication,
): Promise<void> {
  await tx.getRepository(Client).update({ zoneId, id }, columnsOf(authentication));
  if (takesSecret(authentication.authMethods)) return;
  const live = { zoneId, clientId: id, revokedAt: IsNull() };
  await tx.getRepository(ClientSecret).update(live, { revokedAt: () => 'now()' });
}

function columnsOf({ authMethods, ...rest }: RegisteredAuthentication) {
  return { ...rest, authMethods: [...authMethods] };
}

/** A secret to be added: one that we draw, or the argon2id hash of one that was imported. */
export type NewSecret =
  { readonly kind: 'drawn' } | { readonly kind: 'imported'; readonly hash: string };

/**
 * Adds a secret to a client. To be called within `AuditedChanges.run`, where operators take turns: a
 * lock on the client itself would hold up the sessions that are born to it meanwhile.
 *
 * @param digestKey the zone's
 * @returns the stored row, and the secret itself if it was drawn here; it cannot be had again
 * @throws {ConflictException} if two are live already
 */
export async function addSecret(
  tx: EntityManager,
  client: { readonly zoneId: string; readonly id: string },
  secret: NewSecret,
  digestKey: Buffer,
  expiresAt: Date | null,
): Promise<{ row: ClientSecret; secret: string | null }> {
  const { zoneId, id: clientId } = client;
  const secrets = tx.getRepository(ClientSecret);
  if ((await liveSecrets(tx, zoneId, clientId)).length >= MAX_LIVE_SECRETS) {
    throw new ConflictException(TOO_MANY);
  }
  const id = uuidv7();
  const drawn = secret.kind === 'drawn' ? generateSecret() : null;
  const stored =
    secret.kind === 'imported'
      ? { kind: 'argon2id' as const, verifier: secret.hash }
      : { kind: 'digest' as const, verifier: digestSecret(digestKey, clientId, drawn ?? '') };
  await secrets.insert({ zoneId, clientId, id, ...stored, expiresAt, revokedAt: null });
  const row = await secrets.findOneByOrFail({ zoneId, clientId, id });
  return { row, secret: drawn };
}

const TOO_MANY = 'two secrets are live already; revoke one first';

/**
 * Refuses to let a secret that has expired work again beside two others.
 *
 * @throws {ConflictException} if two others are live already
 */
export async function keepWithinLimit(
  tx: EntityManager,
  { zoneId, clientId, id, expiresAt: before }: ClientSecret,
  expiresAt: Date | null,
): Promise<void> {
  const isSooner = expiresAt !== null && (before === null || expiresAt <= before);
  if (isSooner) return;
  const others = (await liveSecrets(tx, zoneId, clientId)).filter((secret) => secret.id !== id);
  if (others.length >= MAX_LIVE_SECRETS) throw new ConflictException(TOO_MANY);
}

/** The secrets of a client that are neither revoked nor expired. */
function liveSecrets(tx: EntityManager, zoneId: string, clientId: string): Promise<ClientSecret[]> {
  return tx
    .getRepository(ClientSecret)
    .createQueryBuilder('s')
    .where('s.zoneId = :zoneId AND s.clientId = :clientId', { zoneId, clientId })
    .andWhere('s.revokedAt IS NULL')
    .andWhere('(s.expiresAt IS NULL OR s.expiresAt > clock_timestamp())')
    .getMany();
}
