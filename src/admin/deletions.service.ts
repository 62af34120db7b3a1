import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { EntityManager, ObjectLiteral } from 'typeorm';
import { findMatching, type Administered, type RowId } from './administered.js';
import { AuditedChanges } from './audited-changes.service.js';
import type { Change } from './change.js';
import type { DryRunQuery } from './dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from './dry-runs.service.js';
import { entityTag, type Precondition } from './entity-tag.js';

/** A request to remove something. */
export interface Deletion {
  readonly change: Change;
  readonly precondition: Precondition;
  readonly query: DryRunQuery;
  readonly response: Response;
}

/** Which thing is to be removed, and what is asked of it before. */
export interface Removable<Row extends ObjectLiteral, Affects extends object> {
  readonly where: RowId<Row>;
  /** Checks that it may go, and throws if it may not (409). */
  readonly check?: (tx: EntityManager, row: Row) => Promise<void>;
  /** Counts what hangs on it, for a dry run. */
  readonly affects: (tx: EntityManager, row: Row) => Promise<Affects>;
  /** What ends it, where its row stays; its row is deleted unless this says so. */
  readonly end?: (tx: EntityManager, row: Row) => Promise<unknown>;
}

/** Removes things that are gone with their row, or ends those of which it stays, or says what would go. */
@Injectable()
export class Deletions {
  constructor(
    private readonly changes: AuditedChanges,
    private readonly dryRuns: DryRuns,
  ) {}

  /**
   * Removes a thing, and records its last view; or, as a dry run, answers with that view and what hangs on it.
   *
   * @throws {HttpException} 404, 412, and what the check of it throws
   */
  async run<Row extends ObjectLiteral, View extends object, Affects extends object>(
    { change, precondition, query, response }: Deletion,
    kind: Administered<Row, View>,
    { where, check, affects, end }: Removable<Row, Affects>,
  ): Promise<DryRun<WouldDelete<View, Affects>> | undefined> {
    const findRemovable = async (tx: EntityManager) => {
      const found = await findMatching(tx, kind, where, precondition);
      await check?.(tx, found.row);
      return found;
    };
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const { row, view } = await findRemovable(tx);
        return { tag: entityTag(view), would: { delete: view, affects: await affects(tx, row) } };
      });
    }
    await this.changes.run(change, async (tx) => {
      const { row, view } = await findRemovable(tx);
      await (end === undefined ? tx.getRepository(kind.entity).delete(where) : end(tx, row));
      return { result: undefined, details: { [kind.recordedAs]: view } };
    });
    return undefined;
  }
}
