import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AnalysisProgress } from './analysis-progress.js';

/** What an analysis is about to do, does, or has come to. */
export type AnalysisState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** A look through the audit log of a zone, in the background, for what of its authority was used. */
@Entity('access_analyses')
export class AccessAnalysis {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  /** A UUIDv7. */
  @PrimaryColumn('uuid')
  id: string;

  /** Who asked for it. */
  @Column('text')
  operator: string;

  /** How many were asked for. */
  @Column('integer')
  days: number;

  /** What was active when it was asked for; `null` if nothing was. */
  @Column('uuid', { name: 'base_policy_set_version_id', nullable: true })
  basePolicySetVersionId: string | null;

  @Column('text', { name: 'base_manifest_sha256', nullable: true })
  baseManifestSha256: string | null;

  @Column('timestamptz', { name: 'from_at' })
  fromAt: Date;

  @Column('timestamptz', { name: 'to_at' })
  toAt: Date;

  /** Since when the log has everything: since the zone is there, or since the last of its days that has gone. */
  @Column('timestamptz', { name: 'log_complete_since' })
  logCompleteSince: Date;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('text')
  state: AnalysisState;

  /** The oldest event that was looked at; `null` before the first. */
  @Column('uuid', { name: 'cursor_id', nullable: true })
  cursorId: string | null;

  @Column('jsonb')
  progress: AnalysisProgress;

  /** Why it failed. */
  @Column('text', { nullable: true })
  problem: string | null;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt: Date | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt: Date | null;
}
