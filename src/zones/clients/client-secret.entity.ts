import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A client secret: a verifier of it, not the secret itself. */
@Entity('client_secrets')
export class ClientSecret {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid', { name: 'client_id' })
  clientId: string;

  @PrimaryColumn('uuid')
  id: string;

  /** `digest` for generated secrets, `argon2id` for imported ones, which may be guessable. */
  @Column('text')
  kind: 'digest' | 'argon2id';

  @Column('text')
  verifier: string;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
