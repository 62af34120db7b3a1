import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { AssertionAudience } from './asserting-client.js';
import type { PublicJwks } from '../issuers/jwks.js';
import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/** A client (RFC 6749 2): an application that may request mandates. */
@Entity('clients')
export class Client {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  /** What it is, for the people who confirm its requests; `null` where that was not said. */
  @Column('text', { nullable: true })
  description: string | null;

  @Column('text', { array: true })
  labels: string[];

  /** Groups that policies can name: `principal in Group::"…"`. */
  @Column('text', { array: true })
  groups: string[];

  /** Registered `token_endpoint_auth_method`s (RFC 7591 2). */
  @Column('text', { name: 'auth_methods', array: true })
  authMethods: string[];

  /** Its public keys (RFC 7591 2); or {@link jwksUri}, where it publishes them. */
  @Column('jsonb', { nullable: true })
  jwks: PublicJwks | null;

  @Column('text', { name: 'jwks_uri', nullable: true })
  jwksUri: string | null;

  /** What the `aud` of assertions must be that it signs with them. */
  @Column('text', { name: 'assertion_audience' })
  assertionAudience: AssertionAudience;

  /** The trusted issuer whose tokens authenticate it, and its subject there. */
  @Column('text', { name: 'workload_issuer', nullable: true })
  workloadIssuer: string | null;

  @Column('text', { name: 'workload_subject', nullable: true })
  workloadSubject: string | null;

  /** What its requests are for that name no resource, by identifier (RFC 8707 2); empty for what the zone says. */
  @Column('text', { name: 'default_resources', array: true })
  defaultResources: string[];

  /** Whether it may receive shared signals of the zone (OpenID SSF 1.0). */
  @Column('boolean')
  ssf: boolean;

  /** What its introspection answers are signed with unless it asks for JSON (RFC 9701 6). */
  @Column('text', { name: 'introspection_signed_response_alg', nullable: true })
  introspectionAlg: ZoneAlg | null;

  /** The most seconds that a mandate lives that it is issued; `null`: what everybody gets. */
  @Column('integer', { name: 'access_token_lifespan', nullable: true })
  accessTokenLifespan: number | null;

  /** All that it may be granted; `null`: not limited here. */
  @Column('text', { array: true, nullable: true })
  scopes: string[] | null;

  /** Identifiers of all resources that it may have mandates for; `null`: not limited here. */
  @Column('text', { array: true, nullable: true })
  audience: string[] | null;

  /** What operators call the application elsewhere; it means nothing here. */
  @Column('text', { name: 'app_id', nullable: true })
  appId: string | null;

  /** Grows when all that was issued to it, or by way of it, is taken back. */
  @Column('integer')
  generation: number;

  @Column('text', { name: 'registration_method' })
  registrationMethod: string;

  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt: Date | null;

  /** Since when it is being removed. It is disabled then, too, and cannot be changed any more. */
  @Column('timestamptz', { name: 'removed_at', nullable: true })
  removedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  /** When operators changed it last; `null`: never. */
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz', nullable: true })
  updatedAt: Date | null;
}
