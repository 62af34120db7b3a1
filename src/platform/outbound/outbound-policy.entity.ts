import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import type { OutboundPolicy, OutboundTarget } from './outbound-policy.js';

/** A policy that operators have made for what one kind of outbound requests may go to. */
@Entity('outbound_policies')
export class OutboundPolicyRow implements OutboundPolicy {
  @PrimaryColumn('uuid')
  id: string;

  /** The zone whose requests it is for; `null` for those of all. */
  @Column('uuid', { name: 'zone_id', nullable: true })
  zoneId: string | null;

  @Column('text')
  name: string;

  @Column('text')
  target: OutboundTarget;

  /** Whether it counts. */
  @Column('boolean')
  enabled: boolean;

  @Column('text', { name: 'allowed_host_patterns', array: true })
  allowedHostPatterns: string[];

  @Column('text', { name: 'allowed_path_patterns', array: true })
  allowedPathPatterns: string[];

  @Column('integer', { name: 'allowed_ports', array: true })
  allowedPorts: number[];

  @Column('text', { name: 'allowed_schemes', array: true })
  allowedSchemes: string[];

  @Column('boolean', { name: 'block_private_ips' })
  blockPrivateIps: boolean;

  @Column('boolean', { name: 'block_loopback_ips' })
  blockLoopbackIps: boolean;

  @Column('boolean', { name: 'block_localhost_names' })
  blockLocalhostNames: boolean;

  /** From 1 to 30; `null` for what is usual. */
  @Column('integer', { name: 'request_timeout_seconds', nullable: true })
  requestTimeoutSeconds: number | null;

  /** `null` for what is usual. */
  @Column('integer', { name: 'max_response_bytes', nullable: true })
  maxResponseBytes: number | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
