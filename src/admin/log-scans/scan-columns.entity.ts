import { Column } from 'typeorm';
import type { ScanProgress, ScanState } from './scan.js';

/** The columns that each table of scans has, beside its key and its progress. Those of the lease are in statements alone. */
export class ScanColumns {
  /** Who asked for it. */
  @Column('text')
  operator: string;

  /** What was active when it was asked for; `null` if nothing was. */
  @Column('uuid', { name: 'base_policy_set_version_id', nullable: true })
  basePolicySetVersionId: string | null;

  @Column('text', { name: 'base_manifest_sha256', nullable: true })
  baseManifestSha256: string | null;

  @Column('timestamptz', { name: 'from_at' })
  fromAt: Date;

  @Column('timestamptz', { name: 'to_at' })
  toAt: Date;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('text')
  state: ScanState;

  /** The oldest event that was looked at; `null` before the first. */
  @Column('uuid', { name: 'cursor_id', nullable: true })
  cursorId: string | null;

  /** Why it failed. */
  @Column('text', { nullable: true })
  problem: string | null;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt: Date | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt: Date | null;
}

/** A row of a table of scans. */
export interface ScanRow {
  readonly zoneId: string;
  /** A UUIDv7. */
  readonly id: string;
  readonly scan: ScanColumns;
  readonly progress: ScanProgress;
}
