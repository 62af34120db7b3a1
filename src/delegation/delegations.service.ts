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
   * in one query. Without an `edgeId` that is the one live delegation that leads to the session, or
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

const AGENT = (a: string): string => `json_build_object(
  'id', ${a}.id, 'clientId', ${a}.client_id, 'lifecycle', ${a}.lifecycle, 'labels', ${a}.labels,
  'path', ${a}.path, 'narrowed', ${a}.narrowed, 'edgeId', ${a}.edge_id,
  'expiresAt', floor(extract(epoch FROM ${a}.expires_at)), 'alive', agent_session_alive(${a}))`;

const ROUTE = `
  WITH acting AS (
    SELECT path, edge_id FROM agent_sessions WHERE zone_id = $1 AND id = $2
  ), incoming AS (
    SELECT e.id, delegation_edge_alive(e) AS alive
      FROM delegation_edges e WHERE e.zone_id = $1 AND e.target_id = $2 AND e.accepted_at IS NOT NULL
  ), chosen AS (
    SELECT CASE
      WHEN $3::uuid IS NOT NULL THEN $3::uuid
      WHEN (SELECT count(*) FROM incoming WHERE alive) = 1 THEN (SELECT i.id FROM incoming i WHERE i.alive)
      WHEN NOT EXISTS (SELECT 1 FROM incoming) THEN (SELECT edge_id FROM acting)
    END AS id
  ), leaf AS (
    SELECT e.* FROM delegation_edges e JOIN chosen c ON e.id = c.id WHERE e.zone_id = $1
  ), needed AS (
    SELECT unnest(path) AS id FROM acting UNION SELECT unnest(sessions) FROM leaf
  )
  SELECT json_build_object(
    'acting', ${AGENT('a')},
    'incoming', (SELECT count(*) FROM incoming WHERE alive),
    'edges', coalesce((
      SELECT json_agg(json_build_object(
        'id', e.id, 'parentId', e.parent_edge_id, 'sourceId', e.source_id, 'targetId', e.target_id,
        'issuerClientId', e.issuer_client_id, 'receiverClientId', e.receiver_client_id,
        'edgePath', e.edge_path, 'path', e.path, 'sessions', e.sessions, 'hopCount', e.hop_count,
        'scopes', e.scopes, 'resource', e.resource, 'constraints', e.constraints, 'remaining', e.remaining,
        'expiresAt', floor(extract(epoch FROM e.expires_at)),
        'createdAt', floor(extract(epoch FROM e.created_at)),
        'version', e.version::text, 'accepted', e.accepted_at IS NOT NULL,
        'alive', e.revoked_at IS NULL AND e.expires_at > clock_timestamp()) ORDER BY e.hop_count)
        FROM delegation_edges e
       WHERE e.zone_id = $1 AND e.id IN (SELECT unnest(edge_path) FROM leaf)), '[]'),
    'agents', (SELECT json_agg(${AGENT('b')}) FROM agent_sessions b
                WHERE b.zone_id = $1 AND b.id IN (SELECT id FROM needed)),
    'epoch', coalesce((SELECT epoch FROM delegation_graphs WHERE zone_id = $1), 0)) AS route
    FROM agent_sessions a WHERE a.zone_id = $1 AND a.id = $2`;
