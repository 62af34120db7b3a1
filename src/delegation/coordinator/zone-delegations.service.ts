import { Injectable } from '@nestjs/common';
import { OAuthError } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { findOwn, unusable } from '../agents/agent-sessions.service.js';
import { DelegationEdges } from '../agents/delegation-edges.service.js';
import type { DelegationBody } from '../agents/delegation.body.js';
import { Graph, type Asked, type Made } from '../agents/graph.service.js';
import { DelegationEdge } from '../delegation-edge.entity.js';
import { describeEdge } from '../describe-edge.js';
import { madeBy, madeOnce, onceOf } from './idempotency.js';
import { mustBeOf } from './parties.js';
import { said, type Said } from './said.js';
import type { ZoneConstraintsBody, ZoneDelegationBody } from './zone-delegation.body.js';

/** The longest that a mandate may live, as our own route has it: what is asked for beyond that is no constraint. */
const LONGEST_MANDATE = 3_600;

/** A delegation, and whether it was there already, by the same `Idempotency-Key`. */
export interface MadeEdge {
  readonly edge: DelegationEdge;
  readonly replayed: boolean;
}

/** A part of the delegations to an agent session. */
export interface Page {
  /** How many at most. */
  readonly limit: number;
  /** The last one of the part before; `null` for the first part. */
  readonly cursor: string | null;
}

/** Hands authority on between agent sessions, for applications that use an SDK of Caracal. */
@Injectable()
export class ZoneDelegations {
  constructor(
    private readonly graph: Graph,
    private readonly edges: DelegationEdges,
  ) {}

  /**
   * Delegates, or finds what the same request has delegated.
   *
   * @param key the `Idempotency-Key`, if there is one
   * @throws {OAuthError} access_denied for another issuer than the bearer; what is said at `madeOnce`, and of our own
   *   route
   */
  make(asked: Asked, body: Said<ZoneDelegationBody>, key: string | null): Promise<MadeEdge> {
    return this.graph.change(asked, async (caller): Promise<Made<MadeEdge>> => {
      mustBeOf(caller, body.issuer_application_id);
      const ours = delegationAsked(body);
      const { receiver_application_id: receiver } = body;
      const { broad_reason: reason } = constraintsOf(body);
      const request = [ours, receiver, reason];
      const once = key === null ? null : onceOf(key, { kind: 'delegation', request });
      const made = once === null ? null : await madeOnce(caller, 'delegation_edges', once);
      if (made !== null) {
        const { zoneId, tx } = caller;
        const edge = await tx.getRepository(DelegationEdge).findOneByOrFail({ zoneId, id: made });
        return { result: { edge, replayed: true }, details: null };
      }
      const edge = await this.edges.makeFor(caller, ours, madeBy(once));
      if (edge.receiverClientId !== receiver) throw unusable('target of another application');
      return {
        result: { edge, replayed: false },
        details: {
          delegation: describeEdge(edge),
          ...(reason === undefined ? {} : { broad_reason: reason }),
        },
      };
    });
  }

  /**
   * The delegations to an agent session of the caller, the last one first.
   *
   * @returns `null` if it is not the caller's
   */
  inbound(asked: Asked, sessionId: string, page: Page): Promise<DelegationEdge[] | null> {
    return this.graph.use(asked, async (caller) => {
      const { zoneId, tx } = caller;
      if ((await findOwn(caller, sessionId)) === null) return null;
      const edges = tx
        .getRepository(DelegationEdge)
        .createQueryBuilder('e')
        .where('e.zone_id = :zoneId AND e.target_id = :sessionId', { zoneId, sessionId });
      if (page.cursor !== null) edges.andWhere('e.id < :cursor', { cursor: page.cursor });
      return edges.orderBy('e.id', 'DESC').limit(page.limit).getMany();
    });
  }

  /** @returns `null` if it does not lead to that agent session of the caller */
  inboundEdge(asked: Asked, sessionId: string, id: string): Promise<DelegationEdge | null> {
    return this.graph.use(asked, async (caller) => {
      const { zoneId, tx } = caller;
      const session = await findOwn(caller, sessionId);
      if (session === null || !isUuid(id)) return null;
      return tx.getRepository(DelegationEdge).findOneBy({ zoneId, id, targetId: session.id });
    });
  }
}

/** What is asked for, as our own route takes it. */
function delegationAsked(body: Said<ZoneDelegationBody>): DelegationBody {
  const { parent_edge_id: parent, resource_id: resource } = body;
  const lives = least(body.ttl_seconds, constraintsOf(body).ttl_seconds);
  const narrowed = constraintsAsked(body);
  return {
    source_session_id: body.source_session_id,
    target_session_id: body.target_session_id,
    scopes: body.scopes,
    ...(parent === undefined ? {} : { parent_edge_id: parent }),
    ...(resource === undefined ? {} : { resource }),
    ...(Object.keys(narrowed).length === 0 ? {} : { constraints: narrowed }),
    ...(lives === null ? {} : { expires_in: lives }),
  };
}

function constraintsAsked(
  body: Said<ZoneDelegationBody>,
): NonNullable<DelegationBody['constraints']> {
  const given = constraintsOf(body);
  const { resources, budget, policy_approved: approved, ttl_seconds: seconds } = given;
  const { actions, max_hops: hops, max_depth: depth } = given;
  if (actions !== undefined && !body.scopes.every((scope) => actions.includes(scope))) {
    throw new OAuthError('invalid_scope', 'the scopes are more than constraints.actions');
  }
  if (hops !== undefined && depth !== undefined && hops !== depth) {
    throw new OAuthError('invalid_request', 'max_hops and max_depth contradict each other');
  }
  const most = hops ?? depth;
  const end = earliest(body.expires_at, given.expires_at);
  return {
    ...(resources === undefined ? {} : { resources }),
    ...(seconds === undefined || seconds > LONGEST_MANDATE ? {} : { ttl_seconds: seconds }),
    ...(most === undefined ? {} : { max_hops: most }),
    ...(end === null ? {} : { expires_at: end }),
    ...(budget === undefined ? {} : { budget }),
    ...(approved === undefined ? {} : { policy_approved: approved }),
  };
}

/** What is said of what confines it. */
function constraintsOf({ constraints = {} }: Said<ZoneDelegationBody>): Said<ZoneConstraintsBody> {
  return said(constraints);
}

type Given<T> = T | undefined;

function least(one: Given<number>, other: Given<number>): number | null {
  const given = [one, other].filter((value) => value !== undefined);
  return given.length === 0 ? null : Math.min(...given);
}

function earliest(one: Given<string>, other: Given<string>): string | null {
  const given = [one, other].filter((value) => value !== undefined);
  return given.toSorted((a, b) => Date.parse(a) - Date.parse(b))[0] ?? null;
}
