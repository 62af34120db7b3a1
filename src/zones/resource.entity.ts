import type { MandateTyp } from '../oauth/vocabulary.js';
import type { ZoneAlg } from '../oauth/algorithms.js';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** An operation of a resource, and the scope that it requires. */
export interface DeclaredOperation {
  /** Upper case. */
  readonly method: string;
  /** Absolute; a segment in braces, such as `{id}`, stands for any one segment. */
  readonly path: string;
  readonly scope: string;
}

/** A resource that mandates are minted for, identified by an absolute URI (RFC 8707 2). */
@Entity('resources')
export class Resource {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  identifier: string;

  @Column('text', { array: true })
  scopes: string[];

  @Column('text', { name: 'upstream_url', nullable: true })
  upstreamUrl: string | null;

  /** The client of this resource's own service, which may exchange on behalf of its callers. */
  @Column('uuid', { name: 'owner_client_id', nullable: true })
  ownerClientId: string | null;

  /** `gateway`: minted for gateway-authenticated exchanges only. */
  @Column('text')
  access: 'direct' | 'gateway';

  /** The operations that are allowed through a gateway; empty for no restriction. */
  @Column('jsonb')
  operations: DeclaredOperation[];

  /** The algorithm of mandates for it; `null` for the zone's. */
  @Column('text', { name: 'signing_alg', nullable: true })
  signingAlg: ZoneAlg | null;

  /** The `typ` of mandates for it. */
  @Column('text', { name: 'token_typ' })
  tokenTyp: MandateTyp;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
