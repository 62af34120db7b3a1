import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A person or a program that administers the installation, by a name. */
@Entity('operators')
export class OperatorRow {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  @Column('text', { nullable: true })
  description: string | null;

  /** See `roles.ts`. One that this version does not know permits nothing. */
  @Column('text')
  role: string;

  /** The only zones that it may see; `null` for all, and for what is of no zone. */
  @Column('uuid', { array: true, nullable: true })
  zones: string[] | null;

  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
