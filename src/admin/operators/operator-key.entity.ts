import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A key of an operator: a digest of it, not the key itself. */
@Entity('operator_keys')
export class OperatorKey {
  @PrimaryColumn('uuid', { name: 'operator_id' })
  operatorId: string;

  @PrimaryColumn('uuid')
  id: string;

  /** SHA-256 of the key, which is 256 random bits. */
  @Column('bytea')
  digest: Buffer;

  @Column('text', { nullable: true })
  description: string | null;

  /** The networks that it may be used from (CIDR); `null` for any. */
  @Column('text', { array: true, nullable: true })
  addresses: string[] | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;

  /** The operator who drew it; `null` for others, such as the admin key. */
  @Column('uuid', { name: 'created_by', nullable: true })
  createdBy: string | null;

  /** The key of this operator that it was drawn with, by itself; `null`: whoever drew it may have it, too. */
  @Column('uuid', { name: 'drawn_with', nullable: true })
  drawnWith: string | null;

  /** When it was used last, to the minute. */
  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
