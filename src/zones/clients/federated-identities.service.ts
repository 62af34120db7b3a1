import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';

/** A workload that is registered for a client, as of the moment in which it was looked up. */
export interface FoundIdentity {
  readonly id: string;
  /** The one `aud` that its tokens must have; `null` for our issuer. */
  readonly audience: string | null;
  readonly clientId: string;
  /** The version that the client had in the same moment: another one may have another workload. */
  readonly clientVersion: string;
}

/**
 * Finds the clients that workloads are registered for. Nothing is remembered: a workload asks once in many minutes, and
 * so none is taken for a client that it is no more.
 */
@Injectable()
export class FederatedIdentities {
  constructor(
    @InjectDataSource() private readonly dataSource: Pick<DataSource, 'query'>,
    private readonly reads: ZoneReads,
  ) {}

  /**
   * The client that a workload is.
   *
   * @param issuer the name of a trusted issuer of the zone
   * @param subject the workload in the issuer's words, compared byte for byte
   * @returns `null` if it is none
   * @throws {OAuthError} temporarily_unavailable if the zone wants too much; the driver's error
   */
  async find(zoneId: string, issuer: string, subject: string): Promise<FoundIdentity | null> {
    const [row = null] = await this.reads.read(zoneId, () =>
      this.dataSource.query<FoundIdentity[]>(FIND, [zoneId, issuer, subject]),
    );
    return row;
  }
}

const FIND = `
  SELECT f.id, f.audience, c.id AS "clientId", c.version::text AS "clientVersion"
    FROM trusted_issuers i
    JOIN federated_identities f ON f.zone_id = i.zone_id AND f.issuer_id = i.id
    JOIN clients c ON c.zone_id = f.zone_id AND c.id = f.client_id
   WHERE i.zone_id = $1 AND i.issuer = $2 AND f.subject = $3`;
