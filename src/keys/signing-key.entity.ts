import type { JWK } from 'jose';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ZoneAlg } from '../oauth/algorithms.js';

/** A signing key of a zone. The public half is stored clear, the private half sealed. */
@Entity('signing_keys')
export class SigningKey {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  /** RFC 7638 thumbprint of the public key. */
  @PrimaryColumn('text')
  kid: string;

  @Column('text')
  alg: ZoneAlg;

  @Column('jsonb', { name: 'public_jwk' })
  publicJwk: JWK;

  /** `null` for a key of a remote signer. */
  @Column('bytea', { name: 'sealed_private_key', nullable: true })
  sealedPrivateKey: Buffer | null;

  /** The remote signer's handle of the key, sealed; `null` for a key of this process. */
  @Column('bytea', { name: 'sealed_signer_handle', nullable: true })
  sealedSignerHandle: Buffer | null;

  /** X.509, DER, signed with the key itself. */
  @Column('bytea', { nullable: true })
  certificate: Buffer | null;

  @Column('timestamptz', { name: 'published_at' })
  publishedAt: Date;

  @Column('timestamptz', { name: 'activates_at' })
  activatesAt: Date;

  @Column('timestamptz', { name: 'retires_at', nullable: true })
  retiresAt: Date | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'compromised_at', nullable: true })
  compromisedAt: Date | null;
}
