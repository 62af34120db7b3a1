import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { MadeBy } from './decision-methods.js';

/** The decision of one person on a challenge. */
@Entity('challenge_decisions')
export class ChallengeDecision {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid', { name: 'challenge_id' })
  challengeId: string;

  /** Who decided, and by which way, such as `client:{id}`. */
  @PrimaryColumn('text', { name: 'decided_by' })
  decidedBy: string;

  /** Who decided, whatever the way (`readPerson` in decider.ts); the database makes it of `decided_by`. */
  @Column({ type: 'text', insert: false, update: false })
  person: string;

  @Column('text')
  method: MadeBy;

  /** How the person was authenticated; `null` if the version before stored it, which dropped that. */
  @Column('text', { array: true, nullable: true })
  amr: string[] | null;

  @Column('text')
  decision: 'approved' | 'rejected';

  @Column('text')
  reason: string;

  @Column('timestamptz', { name: 'decided_at' })
  decidedAt: Date;
}
