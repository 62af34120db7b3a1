import type { MandateTyp } from '../oauth/vocabulary.js';
import type { ZoneAlg } from '../oauth/algorithms.js';
import type { DetailType } from '../oauth/authorization-details/detail-type.js';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** An operation of a resource, and the scope that it requires. */
export interface DeclaredOperation {
  /** Upper case. */
  readonly method: string;
  /** Absolute; a segment in braces, such as `{id}`, stands for any one segment. */
  readonly path: string;
  readonly scope: string;
}

/** What a scope allows, in words for the people who confirm requests. */
export interface DescribedScope {
  readonly scope: string;
  readonly description: string;
}

/** How the verifiers of a resource may learn that a mandate was taken back, or `expiry`: not before it has expired. */
export const REVOCATION_CHANNELS = ['introspect', 'status_list', 'feed', 'expiry'] as const;

/** One of {@link REVOCATION_CHANNELS}. */
export type RevocationChannel = (typeof REVOCATION_CHANNELS)[number];

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

  /** What people who confirm requests know it as; `null` where that was not said. */
  @Column('text', { name: 'display_name', nullable: true })
  displayName: string | null;

  /** What it is, for them; `null` where that was not said. */
  @Column('text', { nullable: true })
  description: string | null;

  /** What its scopes allow, in words for them. */
  @Column('jsonb', { name: 'scope_descriptions' })
  scopeDescriptions: DescribedScope[];

  /** What can be granted for it beside scopes (RFC 9396). */
  @Column('jsonb', { name: 'authorization_details_types' })
  detailTypes: DetailType[];

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

  /** How its verifiers learn that a mandate was taken back; `null` where that was not said. */
  @Column('text', { nullable: true })
  revocation: RevocationChannel | null;

  /** Whether the metadata of the zone names it (`protected_resources`, RFC 9728 4). */
  @Column('boolean')
  listed: boolean;

  /** The clients that may introspect mandates for it, beside its owner (RFC 7662 2.1). */
  @Column('uuid', { name: 'introspection_client_ids', array: true })
  introspectionClientIds: string[];

  /** Grows when all mandates for it are taken back. */
  @Column('integer')
  generation: number;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  /** When it was changed through the API; `null`: not since it was made, as far as is known. */
  @Column('timestamptz', { name: 'updated_at', nullable: true })
  updatedAt: Date | null;
}
