import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A link by which a person registers one authenticator. It is removed once that has happened, or it is too old. */
@Entity('enrolments')
export class Enrolment {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @Column('uuid')
  id: string;

  /** SHA-256 of the secret in the link. */
  @PrimaryColumn('bytea', { name: 'token_digest' })
  tokenDigest: Buffer;

  @Column('text')
  subject: string;

  @Column('text', { name: 'subject_issuer', nullable: true })
  subjectIssuer: string | null;

  /**
   * The secret that is drawn for the authenticator, such as the key of an app. It is shown to the person who brings the
   * link, and is not in it. `null` for a link of the first version, which derived it from the link.
   */
  @Column('bytea', { name: 'sealed_secret', nullable: true })
  sealedSecret: Buffer | null;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  /** When the first version registered an authenticator by it. This one removes the row. */
  @Column('timestamptz', { name: 'used_at', nullable: true })
  usedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
