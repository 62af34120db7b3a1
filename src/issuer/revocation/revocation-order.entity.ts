import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Affects } from './affects.js';
import type { WrittenTarget } from './revocation-target.js';

/** An order to take something back. It is never changed, and never undone: new authority is issued anew. */
@Entity('revocation_orders')
export class RevocationOrder {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('jsonb')
  target: WrittenTarget;

  /** SHA-256 of the target, by which orders are found. */
  @Column('bytea', { name: 'target_key', nullable: true, select: false })
  targetKey: Buffer | null;

  @Column('text')
  reason: string;

  @Column('text', { name: 'reason_code', nullable: true })
  reasonCode: string | null;

  /** Who ordered it. */
  @Column('text')
  actor: string;

  /** The generation that counts since; `null` for what has none. */
  @Column('integer', { nullable: true })
  generation: number | null;

  /** What it has hit, as it was counted when it was made. */
  @Column('jsonb')
  affects: Affects;

  /** When the last mandate that it is about has expired. */
  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz')
  at: Date;

  /** SHA-256 of the `Idempotency-Key` of the request that made it, and of what that asked for. */
  @Column('bytea', { name: 'idempotency_key', nullable: true, select: false })
  idempotencyKey: Buffer | null;

  @Column('bytea', { name: 'idempotency_request', nullable: true, select: false })
  idempotencyRequest: Buffer | null;
}
