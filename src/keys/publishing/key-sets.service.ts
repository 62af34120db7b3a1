import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { JWK } from 'jose';
import type { DataSource } from 'typeorm';
import { isElsewhere, notServedHere, type Away } from '../../oauth/away.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { atZone } from '../../platform/database/at-zones.js';
import type { PublicDocument } from '../../platform/http/public-document.js';
import { KeptDocuments } from '../../platform/kept-documents.js';
import { cacheControlAt, keySetOf, type PublicKey } from './key-set.js';
import { scheduleOf } from '../rotation/stored-schedule.js';

/** Milliseconds after which a set is read again, even without a notification of a change. */
const FRESH_MS = 5_000;
/** Bytes of memory for key sets: those of ten thousand zones. */
const BYTES = 32 * 1_024 * 1_024;

/**
 * The key sets of zones, cached. They are read from columns that hold nothing private, and are still
 * served while the database is away.
 */
@Injectable()
export class KeySets {
  private readonly documents: KeptDocuments<readonly PublicKey[]>;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(CLOCK) clock: Clock,
    @Inject(ENV) private readonly env: Pick<RunningEnv, 'issuerUrl'>,
  ) {
    this.documents = new KeptDocuments(
      {
        // For all who wait for it, whatever zone the request of the first is about.
        read: (zoneId) => atZone(dataSource, zoneId, () => this.read(zoneId)),
        render: keySetOf,
        cacheControlAt,
        zoneOf: (zoneId) => zoneId,
        freshMs: FRESH_MS,
        bytes: BYTES,
      },
      clock,
    );
  }

  /**
   * The key set of a zone if it can be sent at once, without a query.
   *
   * @param zoneId any text
   * @returns `null` if it cannot
   */
  ready(zoneId: string): PublicDocument | null {
    return this.documents.ready(zoneId);
  }

  /**
   * The key set of a zone.
   *
   * @param zoneId a UUID
   * @returns `null` for a zone without keys, which is one that does not exist
   * @throws {NotServedHere} for a zone that has moved to another installation, or is not received whole
   * @throws the driver's error if the database is away and the set is not known, or too old
   */
  find(zoneId: string): Promise<PublicDocument | null> {
    return this.documents.find(zoneId);
  }

  /** Marks a zone's set as stale: its keys may have changed. */
  invalidate(zoneId: string): void {
    this.documents.invalidate(zoneId);
  }

  /** Marks all sets as stale. */
  invalidateAll(): void {
    this.documents.invalidateAll();
  }

  private async read(zoneId: string): Promise<readonly PublicKey[] | null> {
    const rows = await this.dataSource.query<Row[]>(PUBLIC_COLUMNS, [zoneId]);
    const away = rows[0]?.away ?? null;
    if (isElsewhere(away)) throw notServedHere(away, this.env.issuerUrl);
    return rows.length === 0 ? null : rows.map((row) => ({ ...row, ...scheduleOf(row) }));
  }
}

/** The public columns of a key. */
interface Row {
  readonly kid: string;
  readonly alg: string;
  readonly publicJwk: JWK;
  readonly certificate: Buffer | null;
  readonly publishedAt: Date;
  readonly activatesAt: Date;
  readonly retiresAt: Date | null;
  readonly expiresAt: Date | null;
  readonly compromisedAt: Date | null;
  readonly away: Away | null;
}

/** Reads the public columns only, nothing sealed. */
const PUBLIC_COLUMNS = `SELECT k.kid, k.alg, k.public_jwk AS "publicJwk",
    CASE WHEN z.publish_x5c THEN k.certificate END AS certificate,
    k.published_at AS "publishedAt", k.activates_at AS "activatesAt",
    k.retires_at AS "retiresAt", k.expires_at AS "expiresAt", k.compromised_at AS "compromisedAt", z.away
  FROM signing_keys k JOIN zones z ON z.id = k.zone_id
  WHERE k.zone_id = $1 AND z.removed_at IS NULL
  ORDER BY k.activates_at DESC, k.kid`;
