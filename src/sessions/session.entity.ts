import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** Authority that is alive: born with a session mandate, ended by an operator or by time. */
@Entity('sessions')
export class Session {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  /** The session that this one descends from; itself if it is a root. */
  @Column('uuid', { name: 'root_id' })
  rootId: string;

  @Column('uuid', { name: 'client_id' })
  clientId: string;

  @Column('text')
  subject: string;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
