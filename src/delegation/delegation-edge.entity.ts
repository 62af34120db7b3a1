import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';
import type { Constraints } from './grant.js';

/** A delegation: authority that one agent session hands to another, an edge of the zone's delegation graph. */
@Entity('delegation_edges')
export class DelegationEdge {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'source_id' })
  sourceId: string;

  @Column('uuid', { name: 'target_id' })
  targetId: string;

  @Column('uuid', { name: 'issuer_client_id' })
  issuerClientId: string;

  @Column('uuid', { name: 'receiver_client_id' })
  receiverClientId: string;

  /** The delegation that this one hands on. */
  @Column('uuid', { name: 'parent_edge_id', nullable: true })
  parentEdgeId: string | null;

  /** All edges from the first to itself. */
  @Column('uuid', { name: 'edge_path', array: true })
  edgePath: string[];

  /** The agent sessions that the authority went through. */
  @Column('uuid', { array: true })
  path: string[];

  /** All agent sessions that must be alive: those of the path, and those above them. */
  @Column('uuid', { array: true })
  sessions: string[];

  @Column('integer', { name: 'hop_count' })
  hopCount: number;

  @Column('text', { array: true })
  scopes: string[];

  /** The resource that it is for, if it is for one only. */
  @Column('text', { nullable: true })
  resource: string | null;

  /** Its constraints, those of its parent included. */
  @Column('jsonb')
  constraints: Constraints;

  /** The exchanges that are left of the budget. A bigint, so a string here. */
  @Column('bigint', { nullable: true })
  remaining: string | null;

  /** SHA-256 of the `Idempotency-Key` of the request that made it; read by nothing but a repetition of that. */
  @Column('bytea', { name: 'idempotency_key', nullable: true, select: false })
  idempotencyKey: Buffer | null;

  /** SHA-256 of what that request asked for. */
  @Column('bytea', { name: 'idempotency_request', nullable: true, select: false })
  idempotencyRequest: Buffer | null;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  @Column('bigint')
  version: string;

  @Column('timestamptz', { name: 'accepted_at', nullable: true })
  acceptedAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
