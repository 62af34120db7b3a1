import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DecisionMethod } from './decision-methods.js';

/** The decision of one person or system on a challenge. */
@Entity('challenge_decisions')
export class ChallengeDecision {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid', { name: 'challenge_id' })
  challengeId: string;

  /** The person or system that decided, such as `client:{id}`. */
  @PrimaryColumn('text', { name: 'decided_by' })
  decidedBy: string;

  @Column('text')
  method: DecisionMethod;

  @Column('text')
  decision: 'approved' | 'rejected';

  @Column('text')
  reason: string;

  @Column('timestamptz', { name: 'decided_at' })
  decidedAt: Date;
}
