import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { StepUpTerms } from '../zones/step-up-terms.js';
import type { HeldRequest } from './challenge.js';

/** A request that is held until it is confirmed. The ledger opens and spends it. */
@Entity('challenges')
export class Challenge {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  type: string;

  /** SHA-256 of the held request. */
  @Column('bytea')
  binding: Buffer;

  @Column('uuid', { name: 'policy_set_version_id', nullable: true })
  policySetVersionId: string | null;

  @Column('uuid', { name: 'client_id' })
  clientId: string;

  @Column('text')
  subject: string;

  /** The trusted issuer of the subject's name; `null` for names of ours. */
  @Column('text', { name: 'subject_issuer', nullable: true })
  subjectIssuer: string | null;

  @Column('text', { name: 'subject_type' })
  subjectType: 'user' | 'application';

  /** Clients in the chain that asks, the one that asks aside. */
  @Column('uuid', { name: 'involved_client_ids', array: true })
  involvedClientIds: string[];

  @Column('jsonb')
  request: HeldRequest;

  /** The terms of its type when it was opened. */
  @Column('jsonb')
  terms: StepUpTerms;

  @Column('integer')
  quorum: number;

  @Column('integer')
  approvals: number;

  /** The number of attempts to confirm as the subject with wrong evidence. */
  @Column('integer', { name: 'wrong_responses' })
  wrongResponses: number;

  @Column('text', { nullable: true })
  decision: 'approved' | 'rejected' | null;

  @Column('timestamptz', { name: 'decided_at', nullable: true })
  decidedAt: Date | null;

  /** When it was refused by a holder of its link as one that this person knows nothing of. */
  @Column('timestamptz', { name: 'reported_at', nullable: true })
  reportedAt: Date | null;

  /** `acr` of the mandate that is issued on it, once it is approved. */
  @Column('text', { nullable: true })
  acr: string | null;

  @Column('text', { array: true, nullable: true })
  amr: string[] | null;

  @Column('timestamptz', { name: 'auth_time', nullable: true })
  authTime: Date | null;

  @Column('timestamptz', { name: 'consumed_at', nullable: true })
  consumedAt: Date | null;

  /** The audit event of the mandate that it was spent on. */
  @Column('uuid', { name: 'consumed_event_id', nullable: true })
  consumedEventId: string | null;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
