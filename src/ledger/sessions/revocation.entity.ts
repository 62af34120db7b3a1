import { CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A mandate that must not be accepted any more (by its `jti`). */
@Entity('revocations')
export class Revocation {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  jti: string;

  @CreateDateColumn({ name: 'revoked_at', type: 'timestamptz' })
  revokedAt: Date;
}
