import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** What a person shows that they are there with: an app that makes codes, or a passkey. */
@Entity('authenticators')
export class Authenticator {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  subject: string;

  /** Whose name the subject is; `null` for ours. */
  @Column('text', { name: 'subject_issuer', nullable: true })
  subjectIssuer: string | null;

  @Column('text')
  kind: 'totp' | 'webauthn';

  /** `totp`: the key that codes are made of. */
  @Column('bytea', { name: 'sealed_secret', nullable: true })
  sealedSecret: Buffer | null;

  /** `totp`: the latest step whose code was used. A bigint, so a string here. */
  @Column('bigint', { name: 'last_step', nullable: true })
  lastStep: string | null;

  /** `webauthn`, in base64url. */
  @Column('text', { name: 'credential_id', nullable: true })
  credentialId: string | null;

  /** `webauthn`, as COSE has it. */
  @Column('bytea', { name: 'public_key', nullable: true })
  publicKey: Buffer | null;

  /** `webauthn`: how often it has signed, as it says itself. */
  @Column('bigint', { name: 'sign_count', nullable: true })
  signCount: string | null;

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
