import { CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A revoked mandate, by its `jti` (RFC 7519 4.1.7). */
@Entity('revocations')
export class Revocation {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  jti: string;

  @CreateDateColumn({ name: 'revoked_at', type: 'timestamptz' })
  revokedAt: Date;
}
