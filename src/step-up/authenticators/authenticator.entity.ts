import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** What a person confirms challenges with: an authenticator app, or a passkey. */
@Entity('authenticators')
export class Authenticator {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  subject: string;

  /** The trusted issuer of the name; `null` for names of ours. */
  @Column('text', { name: 'subject_issuer', nullable: true })
  subjectIssuer: string | null;

  /** The name of the confirmation method that it is for. */
  @Column('text')
  kind: string;

  /** `totp`: the key of the codes. */
  @Column('bytea', { name: 'sealed_secret', nullable: true })
  sealedSecret: Buffer | null;

  /** `totp`: the latest step whose code was used. A bigint, so a string here. */
  @Column('bigint', { name: 'last_step', nullable: true })
  lastStep: string | null;

  /**
   * `totp`: whether it is known here that the key was drawn at random. The first version never says so: it derived
   * keys from links, which its request log holds, and drew those that operators made.
   */
  @Column('boolean', { name: 'key_drawn', default: false })
  keyDrawn: boolean;

  /** `webauthn`: the id of the credential, in base64url. */
  @Column('text', { name: 'credential_id', nullable: true })
  credentialId: string | null;

  /** `webauthn`: the public key, as COSE has it. */
  @Column('bytea', { name: 'public_key', nullable: true })
  publicKey: Buffer | null;

  /** `webauthn`: the number of signatures, by its own count. A bigint, so a string here. */
  @Column('bigint', { name: 'sign_count', nullable: true })
  signCount: string | null;

  /** `recovery_code`: the digests of the codes that are left. */
  @Column('bytea', { name: 'recovery_digests', array: true, nullable: true })
  recoveryDigests: Buffer[] | null;

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
