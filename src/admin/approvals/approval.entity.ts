import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Something that a second operator approves before it is done, or looks at afterwards. */
@Entity('approvals')
export class ApprovalRow {
  /** A UUIDv7. */
  @PrimaryColumn('uuid')
  id: string;

  /** The zone that it is about; all zeroes if it is about none. */
  @Column('uuid', { name: 'zone_id' })
  zoneId: string;

  /** `request`: it is done once it is approved. `review`: it is done already. */
  @Column('text')
  kind: 'request' | 'review';

  @Column('text')
  action: string;

  /** What it is about, in words. */
  @Column('text')
  summary: string;

  /** Who asked for it, or did it; without an id it was no named operator. */
  @Column('uuid', { name: 'operator_id', nullable: true })
  operatorId: string | null;

  @Column('text')
  operator: string;

  /** Of the request that asked for it, or did it. */
  @Column('uuid', { name: 'request_id' })
  requestId: string;

  @Column('timestamptz', { name: 'asked_at' })
  askedAt: Date;

  /** Of a review: from when on it counts as not reviewed. */
  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('text', { nullable: true })
  decision: 'approved' | 'rejected' | null;

  @Column('text', { nullable: true })
  reason: string | null;

  @Column('uuid', { name: 'decided_by_id', nullable: true })
  decidedById: string | null;

  @Column('text', { name: 'decided_by', nullable: true })
  decidedBy: string | null;

  @Column('timestamptz', { name: 'decided_at', nullable: true })
  decidedAt: Date | null;

  /** When it was recorded that a review came to nothing. */
  @Column('timestamptz', { name: 'lapsed_at', nullable: true })
  lapsedAt: Date | null;

  /** When what was approved was done. */
  @Column('timestamptz', { name: 'used_at', nullable: true })
  usedAt: Date | null;
}
