import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** The terms that a zone has set for a step-up type. */
@Entity('step_up_types')
export class StepUpType {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  /** The name of the type, as in `@step_up("…")`. */
  @PrimaryColumn('text')
  type: string;

  @Column('integer', { name: 'lifetime_seconds' })
  lifetimeSeconds: number;

  @Column('text', { name: 'satisfied_by', array: true })
  satisfiedBy: string[];

  @Column('integer')
  quorum: number;

  @Column('boolean', { name: 'requester_may_satisfy' })
  requesterMaySatisfy: boolean;

  @Column('boolean', { name: 'subject_may_satisfy' })
  subjectMaySatisfy: boolean;

  /** `null`: as is usual for the type. */
  @Column('boolean', { name: 'subject_must_satisfy', nullable: true })
  subjectMustSatisfy: boolean | null;

  @Column('text')
  acr: string;

  @Column('integer', { name: 'reuse_seconds' })
  reuseSeconds: number;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
