import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** An application that may ask for mandates (RFC 6749 2). */
@Entity('clients')
export class Client {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  @Column('text', { array: true })
  labels: string[];

  /** Groups that policies can name: `principal in Group::"…"`. */
  @Column('text', { array: true })
  groups: string[];

  /** Registered `token_endpoint_auth_method`s (RFC 7591 2). */
  @Column('text', { name: 'auth_methods', array: true })
  authMethods: string[];

  @Column('text', { name: 'registration_method' })
  registrationMethod: string;

  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
