import { Column, Entity, PrimaryColumn } from 'typeorm';
import { ScanColumns } from '../log-scans/scan-columns.entity.js';
import type { AnalysisProgress } from './analysis-progress.js';

/** A look through the audit log of a zone, in the background, for what of its authority was used. */
@Entity('access_analyses')
export class AccessAnalysis {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  /** A UUIDv7. */
  @PrimaryColumn('uuid')
  id: string;

  @Column(() => ScanColumns, { prefix: false })
  scan: ScanColumns;

  /** How many were asked for. */
  @Column('integer')
  days: number;

  /** Since when the log has everything: since the zone is there, or since the last of its days that has gone. */
  @Column('timestamptz', { name: 'log_complete_since' })
  logCompleteSince: Date;

  @Column('jsonb')
  progress: AnalysisProgress;
}
