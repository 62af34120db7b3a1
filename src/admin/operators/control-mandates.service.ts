import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { isTakenBack } from '../../issuer/introspection/look-at.js';
import { LiveMandates } from '../../issuer/introspection/live-mandates.service.js';
import { InvalidToken } from '../../mandates/invalid-token.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { verifyParsedMandate } from '../../mandates/verify-mandate.js';
import { readCompactJws, type ParsedJws } from '../../oauth/compact-jws.js';
import { unavailable } from '../../oauth/errors.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { atZone, isSpread } from '../../platform/database/at-zones.js';
import { OPERATORS } from '../../platform/database/operators-connections.js';
import { VerifiedSignatures } from '../../platform/verified-signatures.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';
import { issuersAt } from '../../zones/zone-issuer.js';
import type { Permission } from '../permission.js';
import { CONTROL_RESOURCE, permissionsIn } from './control-scopes.js';
import type { Operator } from './operator.js';

/** How often a mandate is looked at before a zone that keeps changing makes us give up. */
const MAX_ATTEMPTS = 3;

/** What a statement is run on. */
type Runner = Pick<DataSource, 'query'>;

/**
 * Operators by mandates of the control zone: resource mandates for {@link CONTROL_RESOURCE}, which the zone's policy has
 * permitted, as strictly verified as anywhere else, and live as the database has it at that moment.
 */
@Injectable()
export class ControlMandates {
  constructor(
    @InjectDataSource(OPERATORS) private readonly dataSource: DataSource,
    private readonly snapshots: Snapshots,
    private readonly verified: VerifiedSignatures,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The operator that a mandate is of. A stranger's token costs no query, once the zone is in memory.
   *
   * @param controlZoneId the zone whose mandates count
   * @returns `null` for what is no mandate of that zone for that audience, or does not hold any more
   * @throws {OAuthError} temporarily_unavailable
   */
  async operatorOf(token: string, controlZoneId: string): Promise<Operator | null> {
    const jws = readCompactJws(token);
    // What is for another zone by its own words is not verified: no stranger has signatures checked.
    if (jws === null || jws.claims['zone_id'] !== controlZoneId) return null;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const zone = await this.snapshots.find(controlZoneId);
      const claims = zone === null ? null : await this.claimsIn(zone, token, jws);
      if (zone === null || claims === null) return null;
      const state = await this.stateOn(this.dataSource, zone, claims);
      if (state === 'gone') return null;
      if (state === 'live') return this.describe(zone, claims, token);
      await this.snapshots.forget({ zoneId: controlZoneId, version: zone.version });
    }
    throw unavailable('the control zone changed again while a mandate was looked at');
  }

  private async claimsIn(
    zone: ZoneSnapshot,
    token: string,
    jws: ParsedJws,
  ): Promise<MandateClaims | null> {
    const now = this.clock.now();
    try {
      const claims = await verifyParsedMandate(token, jws, {
        ...issuersAt(zone, now),
        zoneId: zone.zoneId,
        now: now / 1_000,
        findKey: (kid) => zone.keys.findKey(kid, now),
        verified: this.verified,
      });
      // What is for others as well is known to them, too: each of them could come in with it.
      const [audience, ...others] = claims.aud;
      const isForUs = audience === CONTROL_RESOURCE && others.length === 0;
      const isOurs = claims.use === 'resource' && isForUs;
      // What is bound to a key is no bearer.
      if (!isOurs || claims.raw['cnf'] !== undefined) return null;
      if (claims.subIss !== undefined && !zone.issuers.has(claims.subIss)) return null;
      return isTakenBack(claims, zone) ? null : claims;
    } catch (error) {
      if (error instanceof InvalidToken) return null;
      throw error;
    }
  }

  /** What the database says of a mandate that was verified on a snapshot. */
  private async stateOn(
    on: Runner,
    { zoneId, version, hasSubjectGenerations }: ZoneSnapshot,
    claims: MandateClaims,
  ): Promise<'live' | 'gone' | 'stale'> {
    // A transaction in the shard of another zone does not see the control zone, which is asked beside it then.
    const runner = isSpread(this.dataSource) ? this.dataSource : on;
    return atZone(this.dataSource, zoneId, async () => {
      const current = await runner.query<unknown[]>(CURRENT, [zoneId, version]);
      if (current.length === 0) return 'stale';
      const mayBeTakenBack = hasSubjectGenerations || claims.generations.subject !== 0;
      const live = await new LiveMandates(runner, {}).ask({ zoneId }, [{ claims, mayBeTakenBack }]);
      return live?.[0] === 'live' ? 'live' : 'gone';
    });
  }

  private describe(zone: ZoneSnapshot, claims: MandateClaims, token: string): Operator {
    const { sub, subIss, clientId, jti, act, zoneId } = claims;
    return {
      id: null,
      // People of two issuers may have the same subject.
      name: `mandate:${clientId}:${sub}${subIss === undefined ? '' : `@${subIss}`}`,
      role: 'mandate',
      permissions: new Set<Permission>(permissionsIn(claims.scope)),
      zones: null,
      recorded: {
        operator_mandate: {
          zone_id: zoneId,
          jti,
          sub,
          ...(subIss === undefined ? {} : { sub_iss: subIss }),
          client_id: clientId,
          ...(act === undefined ? {} : { act: claims.raw['act'] }),
        },
      },
      holds: async (tx) => {
        const named = await tx.query<unknown[]>(NAMED, [zoneId]);
        return named.length === 1 && (await this.stateOn(tx, zone, claims)) === 'live';
      },
      mayGoOn: async () => {
        const named = await this.dataSource.query<unknown[]>(NAMED, [zoneId]);
        return named.length === 1 && (await this.operatorOf(token, zoneId)) !== null;
      },
    };
  }
}

const CURRENT =
  'SELECT 1 FROM zones WHERE id = $1 AND settings_version = $2 AND removed_at IS NULL';
const NAMED = 'SELECT 1 FROM administration WHERE control_zone_id = $1';
