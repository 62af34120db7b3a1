import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A link by which a person registers one authenticator. */
@Entity('enrolments')
export class Enrolment {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  /** SHA-256 of what is in the link. */
  @PrimaryColumn('bytea', { name: 'token_digest' })
  tokenDigest: Buffer;

  @Column('text')
  subject: string;

  @Column('text', { name: 'subject_issuer', nullable: true })
  subjectIssuer: string | null;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  @Column('timestamptz', { name: 'used_at', nullable: true })
  usedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
