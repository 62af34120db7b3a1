import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/** A system outside, such as a banking app, that reports, signed, that a person has confirmed a challenge. */
@Entity('proof_systems')
export class ProofSystem {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  /** The types of challenge that it may decide on; any if empty. */
  @Column('text', { array: true })
  types: string[];

  /** The key that it signs with, as Standard Webhooks has it. */
  @Column('bytea', { name: 'sealed_secret' })
  sealedSecret: Buffer;

  /** Since when nothing counts that it signs. */
  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  /** When operators changed it last; `null`: never. */
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz', nullable: true })
  updatedAt: Date | null;
}
