import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PolicySource } from '../../policy/engine/compile.js';
import type { ReplayProgress } from './replay-progress.js';

/** What a replay is about to do, does, or has come to. */
export type ReplayState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** Recorded decisions of a zone, made again by candidate policies in the background. */
@Entity('policy_replays')
export class PolicyReplay {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  /** A UUIDv7. */
  @PrimaryColumn('uuid')
  id: string;

  /** Who asked for it. */
  @Column('text')
  operator: string;

  /** The candidate, if it is a stored version. */
  @Column('uuid', { name: 'policy_set_version_id', nullable: true })
  policySetVersionId: string | null;

  @Column('text', { name: 'manifest_sha256' })
  manifestSha256: string;

  /** The texts of the candidate, if it is none; gone once it is over. */
  @Column('jsonb', { nullable: true, select: false })
  modules: readonly PolicySource[] | null;

  /** What was active when it was asked for; `null` if nothing was. */
  @Column('uuid', { name: 'base_policy_set_version_id', nullable: true })
  basePolicySetVersionId: string | null;

  @Column('text', { name: 'base_manifest_sha256', nullable: true })
  baseManifestSha256: string | null;

  @Column('timestamptz', { name: 'from_at' })
  fromAt: Date;

  @Column('timestamptz', { name: 'to_at' })
  toAt: Date;

  @Column('integer', { name: 'max_decisions' })
  maxDecisions: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('text')
  state: ReplayState;

  /** The oldest event that was looked at; `null` before the first. */
  @Column('uuid', { name: 'cursor_id', nullable: true })
  cursorId: string | null;

  @Column('jsonb')
  progress: ReplayProgress;

  /** Why it failed. */
  @Column('text', { nullable: true })
  problem: string | null;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt: Date | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt: Date | null;
}
