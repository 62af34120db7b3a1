import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { DataSource, EntityManager } from 'typeorm';
import { OPERATORS_READING } from '../platform/database/operators-connections.js';
import type { DryRunQuery } from './dry-run.body.js';

/** What a dry run answers (200). */
export interface DryRun<Would extends object> {
  /** Nothing was changed, and nothing recorded. */
  readonly dry_run: true;
  /** What the request would do without `dry_run`, and what hangs on it. */
  readonly would: Would;
}

/** What a dry run of a removal says: the thing as it is now, and what hangs on it. */
export interface WouldDelete<View extends object, Affects extends object> {
  readonly delete: View;
  /** How many of each kind there are now. */
  readonly affects: Affects;
}

/** What was found of what would go. */
export interface Foreseen<Would extends object> {
  /** The entity tag of what would go, as its view has it. */
  readonly tag: string;
  readonly would: Would;
}

/** Whether a request is to change nothing. */
export function isDryRun({ dry_run: asked }: DryRunQuery): boolean {
  return asked === 'true';
}

/** Says what a change would do. */
@Injectable()
export class DryRuns {
  constructor(@InjectDataSource(OPERATORS_READING) private readonly dataSource: DataSource) {}

  /**
   * Looks at what a change would do, on a connection for operators who read, in one transaction that sees one moment, locks
   * nothing, and in which PostgreSQL lets nothing be changed.
   *
   * @param response gets the status 200 and the entity tag
   * @param foresee finds what would go. It makes the checks that the change makes, and throws what these throw: 404, 409, 412
   */
  async run<Would extends object>(
    response: Response,
    foresee: (tx: EntityManager) => Promise<Foreseen<Would>>,
  ): Promise<DryRun<Would>> {
    const { tag, would } = await this.dataSource.transaction('REPEATABLE READ', async (tx) => {
      await tx.query('SET TRANSACTION READ ONLY');
      return foresee(tx);
    });
    response.status(200).setHeader('ETag', tag);
    return { dry_run: true, would };
  }
}
