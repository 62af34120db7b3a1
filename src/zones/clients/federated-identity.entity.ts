import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A workload of a trusted issuer, whose tokens name one client of the zone. It never changes: another one replaces it. */
@Entity('federated_identities')
export class FederatedIdentity {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'client_id' })
  clientId: string;

  /** One that is trusted no more, or again, is another one. */
  @Column('uuid', { name: 'issuer_id' })
  issuerId: string;

  /** The name of the issuer: `iss` of its tokens. */
  @Column('text')
  issuer: string;

  /** The workload, in the words of the issuer, byte for byte. */
  @Column('text')
  subject: string;

  /** The one `aud` of its tokens; `null` for our issuer. */
  @Column('text', { nullable: true })
  audience: string | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
