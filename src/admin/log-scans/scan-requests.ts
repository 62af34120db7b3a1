import { ConflictException } from '@nestjs/common';
import { In, type EntityManager, type EntityTarget, type FindOptionsWhere } from 'typeorm';
import { instant } from '../../platform/config/clock.js';
import { databaseNow } from '../../platform/database/database-now.js';
import { PolicySetVersion } from '../../policy/policy-set.entity.js';
import type { Zone } from '../../zones/zone.entity.js';
import { findRow } from '../find-row.js';
import type { TakenScan } from './scan.js';
import type { ScanColumns, ScanRow } from './scan-columns.entity.js';
import type { ScanTable } from './scan-table.js';

const DAY_MS = 86_400_000;

/** What operators ask for of one kind of scan. */
export interface ScanRequestTerms<Row extends ScanRow> {
  readonly entity: EntityTarget<Row>;
  readonly table: ScanTable<TakenScan>;
  /** What one is called to operators: of any, of this one, and of one that is not there. */
  readonly called: { readonly any: string; readonly this: string; readonly missing: string };
  /** The name by which its job is woken. */
  readonly job: string;
  /** Forgets what is over in a zone but for the newest, to make room for another. */
  readonly makeRoom: (tx: EntityManager, zoneId: string) => Promise<void>;
}

/** How much of the log a scan is to look at, and for whom. */
export interface AskedScan {
  readonly operator: string;
  readonly days: number;
  /** When it begins at the earliest, in milliseconds since the epoch. */
  readonly sinceMs?: number;
}

/** What a scan begins with. */
export type NewScan = Pick<
  ScanColumns,
  'operator' | 'basePolicySetVersionId' | 'baseManifestSha256' | 'fromAt' | 'toAt'
>;

/** Requests of operators for scans of one kind: each in a transaction that has the zone locked. */
export class ScanRequests<Row extends ScanRow> {
  constructor(private readonly terms: ScanRequestTerms<Row>) {}

  /**
   * Prepares a scan of the last days, by what is active now. Its job is woken once that is committed.
   *
   * @returns what its row has of all scans
   * @throws {ConflictException} if one is under way in the zone
   */
  async prepare(
    tx: EntityManager,
    { id: zoneId, activePolicySetVersionId: active }: Zone,
    { operator, days, sinceMs = 0 }: AskedScan,
  ): Promise<NewScan> {
    const { entity, called, job, makeRoom } = this.terms;
    const underWay = where<Row>({ zoneId, scan: { state: In(['queued', 'running']) } });
    if (await tx.getRepository(entity).existsBy(underWay)) {
      throw new ConflictException(
        `${called.any} is under way in the zone: wait for it, or cancel it`,
      );
    }
    await makeRoom(tx, zoneId);
    const base =
      active === null
        ? null
        : await tx.getRepository(PolicySetVersion).findOneByOrFail({ zoneId, id: active });
    const now = await databaseNow(tx);
    await tx.query('SELECT wake_job($1)', [job]);
    return {
      operator,
      basePolicySetVersionId: active,
      baseManifestSha256: base?.manifestSha256 ?? null,
      fromAt: instant(Math.max(now - days * DAY_MS, sinceMs)),
      toAt: instant(now),
    };
  }

  /** Finds a scan of a zone. @throws {NotFoundException} */
  find(db: EntityManager, zoneId: string, id: string): Promise<Row> {
    const { entity, called } = this.terms;
    return findRow(db.getRepository(entity), { ...where<Row>({ zoneId }), id }, called.missing);
  }

  /**
   * Cancels a scan. What it has found so far stays.
   *
   * @returns it, as it is then
   * @throws {HttpException} 404 for one that is not there, 409 for one that is over
   */
  async cancel(tx: EntityManager, zoneId: string, id: string): Promise<Row> {
    const cancelled = await this.terms.table.cancel(tx, { zoneId, id });
    const after = await this.find(tx, zoneId, id);
    if (!cancelled) {
      throw new ConflictException(`${this.terms.called.this} is over: it is ${after.scan.state}`);
    }
    return after;
  }
}

function where<Row extends ScanRow>(of: FindOptionsWhere<ScanRow>): FindOptionsWhere<Row> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each row of scans has what is asked for
  return of as FindOptionsWhere<Row>;
}
