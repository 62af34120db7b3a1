import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** An agent session: an agent at work for an application, which authority is delegated from and to. */
@Entity('agent_sessions')
export class AgentSession {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'client_id' })
  clientId: string;

  /** The session whose mandate opened it. */
  @Column('uuid', { name: 'session_id' })
  sessionId: string;

  @Column('uuid', { name: 'root_session_id' })
  rootSessionId: string;

  @Column('uuid', { name: 'parent_id', nullable: true })
  parentId: string | null;

  /** All agent sessions from the first to itself. */
  @Column('uuid', { array: true })
  path: string[];

  /** 0 for one without a parent. */
  @Column('integer')
  depth: number;

  @Column('text')
  lifecycle: 'task' | 'service';

  /** Names that its application has given it. */
  @Column('text', { array: true })
  labels: string[];

  /** `service`: seconds for which a heartbeat keeps it alive. */
  @Column('integer', { name: 'beat_seconds', nullable: true })
  beatSeconds: number | null;

  /** `service`: grows whenever another process takes over to keep it alive. */
  @Column('integer', { name: 'lease_generation' })
  leaseGeneration: number;

  /** SHA-256 of the `Idempotency-Key` of the request that made it; read by nothing but a repetition of that. */
  @Column('bytea', { name: 'idempotency_key', nullable: true, select: false })
  idempotencyKey: Buffer | null;

  /** SHA-256 of what that request asked for. */
  @Column('bytea', { name: 'idempotency_request', nullable: true, select: false })
  idempotencyRequest: Buffer | null;

  /** Whether anything was ever delegated to it or to one above it. */
  @Column('boolean')
  narrowed: boolean;

  /** The delegation to one above it that it is confined by. */
  @Column('uuid', { name: 'edge_id', nullable: true })
  edgeId: string | null;

  /** Grows with every change but heartbeats, and with every delegation that comes to lead to it. */
  @Column('bigint')
  version: string;

  /** The generations of the zone and the client that it was opened in: with another one of either it is dead. */
  @Column('integer', { name: 'zone_generation' })
  zoneGeneration: number;

  @Column('integer', { name: 'client_generation' })
  clientGeneration: number;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
