import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { instant } from '../../platform/config/clock.js';
import { DelegationEdge } from '../delegation-edge.entity.js';
import { Delegations } from '../delegations.service.js';
import { describeEdge } from '../describe-edge.js';
import { narrow } from '../narrow.js';
import { leafOf, obstacleOn, type DelegationRoute } from '../delegation-route.js';
import { OAuthError } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { Client } from '../../zones/clients/client.entity.js';
import { unusable } from './agent-sessions.service.js';
import {
  constraintsOf,
  inheritedSource,
  ownSource,
  pathTo,
  requestOf,
} from './delegated-authority.js';
import type { DelegationBody } from './delegation.body.js';
import { Graph, type Asked, type Caller, type Made } from './graph.service.js';
import { checkPlace, confine } from './place-in-graph.js';

/** Hands authority from one agent session to another, and takes it back. */
@Injectable()
export class DelegationEdges {
  constructor(
    private readonly graph: Graph,
    private readonly delegations: Delegations,
  ) {}

  /**
   * Delegates. To another application's session it counts only once that has accepted it.
   *
   * @throws {OAuthError} invalid_grant for sessions that cannot be used; what is too much of, for
   *   anything that is more than the source has
   */
  make(asked: Asked, body: DelegationBody): Promise<DelegationEdge> {
    return this.graph.change(asked, async (caller) => {
      const edge = await this.makeFor(caller, body);
      return { result: edge, details: { delegation: describeEdge(edge) } };
    });
  }

  /**
   * Delegates in the transaction of a caller.
   *
   * @param beside what the row has besides: what it was asked by
   */
  async makeFor(
    caller: Caller,
    body: DelegationBody,
    beside: Beside = {},
  ): Promise<DelegationEdge> {
    const { tx, zoneId } = caller;
    const edge = await this.newEdge(caller, body);
    const edges = tx.getRepository(DelegationEdge);
    await edges.insert({ ...edge, ...beside });
    if (edge.acceptedAt !== null) await confine(caller, edge.targetId, edge.id);
    return edges.findOneByOrFail({ zoneId, id: edge.id });
  }

  /** @returns `null` for one that the caller has no part in */
  show(asked: Asked, id: string): Promise<DelegationEdge | null> {
    return this.graph.use(asked, (caller) => findPart(caller, id));
  }

  /**
   * Accepts what another application delegated. Accepting it again changes nothing.
   *
   * @returns `null` for one that is not meant for the caller
   * @throws {OAuthError} invalid_grant if it cannot be used any more
   */
  accept(asked: Asked, id: string): Promise<DelegationEdge | null> {
    return this.graph.change(asked, async (caller): Promise<Made<DelegationEdge | null>> => {
      const { tx, zoneId, clientId } = caller;
      const edge = await findPart(caller, id);
      if (edge === null || edge.receiverClientId !== clientId) {
        return { result: null, details: null };
      }
      if (edge.revokedAt !== null || edge.expiresAt.getTime() <= caller.now * 1_000) {
        throw unusableDelegation('it has ended');
      }
      if (edge.acceptedAt !== null) return { result: edge, details: null };
      await this.checkAgain(caller, edge);
      const edges = tx.getRepository(DelegationEdge);
      await edges.update({ zoneId, id }, { acceptedAt: () => 'clock_timestamp()' });
      await confine(caller, edge.targetId, id);
      const saved = await edges.findOneByOrFail({ zoneId, id });
      return { result: saved, details: { delegation: describeEdge(saved) } };
    });
  }

  /**
   * Takes a delegation back, or declines it; all that it was handed on as ends with it. Doing so again
   * changes nothing.
   *
   * @returns whether the caller has a part in it
   */
  revoke(asked: Asked, id: string): Promise<boolean> {
    return this.graph.change(asked, async (caller): Promise<Made<boolean>> => {
      const edge = await findPart(caller, id);
      if (edge === null) return { result: false, details: null };
      const { affected } = await caller.tx
        .getRepository(DelegationEdge)
        .update(
          { zoneId: caller.zoneId, id, revokedAt: IsNull() },
          { revokedAt: () => 'clock_timestamp()' },
        );
      return { result: true, details: affected === 1 ? { delegation: describeEdge(edge) } : null };
    });
  }

  /** A delegation as it is asked for, within what its source has. */
  private async newEdge(caller: Caller, body: DelegationBody) {
    const { zoneId, clientId, now } = caller;
    const source = await this.sourceOf(caller, body);
    const target = await this.targetOf(caller, body.target_session_id);
    const parent = leafOf(source);
    await checkPlace(caller, source, target);
    const grant = narrow(
      requestOf(body),
      parent === null ? await ownSource(caller) : inheritedSource(source, parent),
      now,
    );
    const id = uuidv7();
    const route = [...(parent === null ? [] : pathTo(source, parent)), source.acting.id];
    return {
      zoneId,
      id,
      sourceId: source.acting.id,
      targetId: target.acting.id,
      issuerClientId: clientId,
      receiverClientId: target.acting.clientId,
      parentEdgeId: parent?.id ?? null,
      edgePath: [...(parent?.edgePath ?? []), id],
      path: [...new Set([...route, target.acting.id])],
      sessions: [
        ...new Set([...(parent?.sessions ?? []), ...source.acting.path, ...target.acting.path]),
      ],
      hopCount: (parent?.hopCount ?? 0) + 1,
      scopes: [...grant.scopes],
      resource: body.resource ?? null,
      constraints: constraintsOf(grant),
      remaining: grant.budget === null ? null : String(grant.budget),
      // The moment that its expiry was counted from: what is handed on may last as long, not a second less.
      createdAt: instant(now * 1_000),
      expiresAt: instant(grant.expiresAt * 1_000),
      acceptedAt: target.acting.clientId === clientId ? instant(now * 1_000) : null,
      revokedAt: null,
    };
  }

  /** The session that delegates, with what it has its authority by. */
  private async sourceOf(caller: Caller, body: DelegationBody): Promise<DelegationRoute> {
    const { source_session_id: id, parent_edge_id: edgeId = null } = body;
    const { zoneId, tx, clientId } = caller;
    const known = isUuid(id) && (edgeId === null || isUuid(edgeId));
    const route = known ? await this.delegations.route(zoneId, id, edgeId, tx) : null;
    if (route === null) throw unusable('unknown source or parent delegation');
    if (route.acting.clientId !== clientId) throw unusable('source of another client');
    const obstacle = obstacleOn(route);
    if (obstacle !== null) throw unusable(obstacle);
    return route;
  }

  /** The session that is delegated to. Whatever else leads there is no obstacle. */
  private async targetOf({ zoneId, tx }: Caller, id: string): Promise<DelegationRoute> {
    const route = isUuid(id) ? await this.delegations.route(zoneId, id, null, tx) : null;
    if (route === null) throw unusable('unknown target');
    const { path } = route.acting;
    if (route.agents.some(({ id: at, alive }) => !alive && path.includes(at))) {
      throw unusable('the target has ended');
    }
    const enabled = {
      zoneId,
      id: route.acting.clientId,
      disabledAt: IsNull(),
      removedAt: IsNull(),
    };
    if (!(await tx.getRepository(Client).existsBy(enabled))) {
      throw unusable('the client of the target is disabled or gone');
    }
    return route;
  }

  /** The graph may have changed since the edge was made. */
  private async checkAgain(caller: Caller, edge: DelegationEdge): Promise<void> {
    const { zoneId, tx } = caller;
    const source = await this.delegations.route(zoneId, edge.sourceId, edge.parentEdgeId, tx);
    if (source === null) throw unusableDelegation('its source or parent is gone');
    const obstacle = obstacleOn(source);
    if (obstacle !== null) throw unusableDelegation(obstacle);
    if ((leafOf(source)?.id ?? null) !== edge.parentEdgeId) {
      throw unusableDelegation('something was delegated to its source since');
    }
    await checkPlace(caller, source, await this.targetOf(caller, edge.targetId));
  }
}

/** What the row of a new delegation has beside what was asked for. */
export type Beside = Partial<Pick<DelegationEdge, 'idempotencyKey' | 'idempotencyRequest'>>;

/** An edge that the caller has issued or is to receive. */
async function findPart(
  { tx, zoneId, clientId }: Caller,
  id: string,
): Promise<DelegationEdge | null> {
  const edge = isUuid(id) ? await tx.getRepository(DelegationEdge).findOneBy({ zoneId, id }) : null;
  const parties = [edge?.issuerClientId, edge?.receiverClientId];
  return parties.includes(clientId) ? edge : null;
}

function unusableDelegation(detail: string): OAuthError {
  return new OAuthError('invalid_grant', 'the delegation is not usable', { detail });
}
