import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** Something that mandates are minted for, known by an absolute URI (RFC 8707 2). */
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

  /** The client that this resource is, which may exchange on behalf of its callers. */
  @Column('uuid', { name: 'owner_client_id', nullable: true })
  ownerClientId: string | null;

  /** `gateway`: minted for gateway-authenticated exchanges only. */
  @Column('text')
  access: 'direct' | 'gateway';

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
