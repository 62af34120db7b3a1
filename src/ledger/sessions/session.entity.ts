import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A session: opened by a client or by a user of a trusted issuer, ended by an operator or by time. */
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

  /** The trusted issuer of the subject; `null` for our own clients. */
  @Column('text', { nullable: true })
  issuer: string | null;

  /** The federated identity whose token opened it, and with which it ends; `null` for others. */
  @Column('uuid', { name: 'federated_identity_id', nullable: true })
  federatedIdentityId: string | null;

  /** How and when the subject was authenticated, by the issuer's token or a step-up. */
  @Column('text', { nullable: true })
  acr: string | null;

  @Column('text', { array: true, nullable: true })
  amr: string[] | null;

  @Column('timestamptz', { name: 'auth_time', nullable: true })
  authTime: Date | null;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
