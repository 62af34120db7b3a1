import { ConflictException, UnprocessableEntityException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { instant } from '../../platform/config/clock.js';
import { acrossZones } from '../../platform/database/at-zones.js';
import { databaseNow } from '../../platform/database/database-now.js';
import { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';
import { issuerOf, type IssuerMode, type StoredIssuer } from '../../zones/zone-issuer.js';
import type { Zone } from '../../zones/zone.entity.js';
import { violatedConstraint } from '../violated-constraint.js';

/** The issuer of a zone as a body has it. What is absent stays, or follows from the rest. */
export interface IssuerBody {
  readonly issuer_mode?: IssuerMode;
  readonly issuer_url?: string | null;
}

/** The columns of a zone that its issuer is stored in. */
export type IssuerColumns = Pick<
  Zone,
  'issuerMode' | 'issuerUrl' | 'previousIssuer' | 'previousIssuerUntil'
>;

/**
 * Milliseconds for which the issuer before a change is accepted: two minutes more than the longest life of a mandate, as
 * what was evaluated before the change may be minted a little after it.
 */
const FORMER_ISSUER_MS = 62 * 60 * 1_000;

/** Hosts of this machine, which need no TLS: no mandate leaves it. */
const LOOPBACK = /^(?:localhost|[a-z0-9-]+\.localhost|127\.0\.0\.1|\[::1\])$/;

/**
 * Reads which issuer a zone is to have.
 *
 * @param before the one that it has
 * @param installation `ISSUER_URL`
 * @throws {UnprocessableEntityException} for a mode and a URL that do not fit together, and a URL that cannot be one
 */
export function readIssuerSettings(
  { issuer_mode: asked, issuer_url: url }: IssuerBody,
  before: StoredIssuer,
  installation: string,
): StoredIssuer {
  const issuerMode = asked ?? before.issuerMode;
  if (issuerMode !== 'own') {
    if (url === undefined || url === null) return { issuerMode, issuerUrl: null };
    throw new UnprocessableEntityException('issuer_url is for the issuer_mode own');
  }
  const issuerUrl = url === undefined ? before.issuerUrl : url;
  if (issuerUrl === null) {
    throw new UnprocessableEntityException('the issuer_mode own takes an issuer_url');
  }
  checkIssuerUrl(issuerUrl, installation);
  return { issuerMode, issuerUrl };
}

function checkIssuerUrl(issuerUrl: string, installation: string): void {
  const [own, ours] = [new URL(issuerUrl), new URL(installation)];
  if (own.protocol === 'http:' && !(ours.protocol === 'http:' && LOOPBACK.test(own.hostname))) {
    throw new UnprocessableEntityException(
      'issuer_url must be https; http is for this machine, where ISSUER_URL is http as well',
    );
  }
  // Nobody could tell it from the host without, or ask for it at all.
  if (own.port === '80' || own.port === '443' || own.hostname.endsWith('.')) {
    throw new UnprocessableEntityException(
      'issuer_url: a host without a dot at its end, and not with the port that is the usual one of another scheme',
    );
  }
  if (own.host === ours.host) {
    throw new UnprocessableEntityException('issuer_url: that host is the one of ISSUER_URL');
  }
}

/**
 * The columns of a zone that is to have another issuer. To be called within `AuditedChanges.run`, where the zone is locked.
 *
 * @param installation `ISSUER_URL`
 * @throws {UnprocessableEntityException} as {@link readIssuerSettings}
 * @throws {ConflictException} if the zone trusts an issuer of that name, and while the one before the last change is
 *   accepted, unless it is the one that the zone is to have again: of each of three, mandates could be out
 */
export async function issuerChange(
  tx: EntityManager,
  before: Zone,
  body: IssuerBody,
  installation: string,
): Promise<Partial<IssuerColumns>> {
  if (body.issuer_mode === undefined && body.issuer_url === undefined) return {};
  const after = readIssuerSettings(body, before, installation);
  const [former, issuer] = [before, after].map((one) => issuerOf(before.id, one, installation));
  if (former === undefined || issuer === undefined || former === issuer) return after;
  const trusted = { zoneId: before.id, issuer };
  if (await tx.getRepository(TrustedIssuerRow).existsBy(trusted)) {
    throw new ConflictException(`the zone trusts an issuer of the name ${issuer}`);
  }
  const now = await databaseNow(tx);
  const { previousIssuer, previousIssuerUntil: until } = before;
  if (until !== null && until.getTime() > now && issuer !== previousIssuer) {
    throw new ConflictException(
      `the issuer was changed: until ${until.toISOString()} it can only be what it was before, ${previousIssuer}`,
    );
  }
  const previousIssuerUntil = instant(now + FORMER_ISSUER_MS);
  return { ...after, previousIssuer: former, previousIssuerUntil };
}

/**
 * Writes what may be the issuer of another zone.
 *
 * @throws {ConflictException} if it is
 */
export async function namingIssuerUrl<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (violatedConstraint(error) !== 'zones_issuer_url_key') throw error;
    throw new ConflictException('issuer_url: another zone has it', { cause: error });
  }
}

/**
 * Makes sure that no other zone had the issuer until a moment ago: as long as its mandates are accepted, those of two zones
 * would be of one issuer. To be called after it was written, as the other zone may have been changed while that waited.
 *
 * @throws {ConflictException} if one had
 */
export async function checkNoFormerIssuer(
  tx: EntityManager,
  zoneId: string,
  issuerUrl: string | null | undefined,
): Promise<void> {
  if (issuerUrl === null || issuerUrl === undefined) return;
  const [other] = await acrossZones(tx, () =>
    tx.query<{ until: Date }[]>(FORMER_OF_ANOTHER, [zoneId, issuerUrl]),
  );
  if (other === undefined) return;
  throw new ConflictException(
    `issuer_url: another zone had it, and its mandates are accepted until ${other.until.toISOString()}`,
  );
}

const FORMER_OF_ANOTHER = `
  SELECT previous_issuer_until AS until FROM zones
   WHERE id <> $1 AND previous_issuer = $2 AND previous_issuer_until > clock_timestamp() LIMIT 1`;
