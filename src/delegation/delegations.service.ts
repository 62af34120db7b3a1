import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { ZoneReads } from '../platform/database/zone-reads.service.js';
import type { DelegationRoute } from './delegation-route.js';

/** Reads the way on which authority came to an agent session. */
@Injectable()
export class Delegations {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly reads: ZoneReads,
  ) {}

  /**
   * Reads an agent session, the delegation that it has its authority by, and everything above both,
   * in one query (`delegation.sql`). Without an `edgeId` that is the one live delegation that leads to the session, or
   * the one that it is confined by because of a session above it.
   *
   * @param agentSessionId a UUID
   * @param edgeId a UUID
   * @param tx where to read, if not by itself
   * @returns `null` if there is no such agent session, or no such delegation
   */
  async route(
    zoneId: string,
    agentSessionId: string,
    edgeId: string | null,
    tx?: EntityManager,
  ): Promise<DelegationRoute | null> {
    const read = (on: EntityManager) =>
      on.query<{ route: DelegationRoute }[]>(ROUTE, [zoneId, agentSessionId, edgeId]);
    const [row] = await (tx === undefined
      ? this.reads.read(zoneId, () => read(this.dataSource.manager))
      : read(tx));
    const route = row?.route ?? null;
    return edgeId !== null && route?.edges.length === 0 ? null : route;
  }
}

const ROUTE = 'SELECT delegation_route($1, $2, $3) AS route';
