import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PolicySource } from '../../policy/engine/compile.js';
import { ScanColumns } from '../log-scans/scan-columns.entity.js';
import type { ReplayProgress } from './replay-progress.js';

/** Recorded decisions of a zone, made again by candidate policies in the background. */
@Entity('policy_replays')
export class PolicyReplay {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  /** A UUIDv7. */
  @PrimaryColumn('uuid')
  id: string;

  @Column(() => ScanColumns, { prefix: false })
  scan: ScanColumns;

  /** The candidate, if it is a stored version. */
  @Column('uuid', { name: 'policy_set_version_id', nullable: true })
  policySetVersionId: string | null;

  @Column('text', { name: 'manifest_sha256' })
  manifestSha256: string;

  /** The texts of the candidate, if it is none; gone once it is over. */
  @Column('jsonb', { nullable: true, select: false })
  modules: readonly PolicySource[] | null;

  @Column('integer', { name: 'max_decisions' })
  maxDecisions: number;

  @Column('jsonb')
  progress: ReplayProgress;
}
