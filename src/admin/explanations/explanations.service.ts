import { Inject, Injectable } from '@nestjs/common';
import { InjectEntityManager } from '@nestjs/typeorm';
import { In, type EntityManager } from 'typeorm';
import { DelegationEdge } from '../../delegation/delegation-edge.entity.js';
import type { RecordedEvent } from '../../ledger/audit-log.service.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { atZone } from '../../platform/database/at-zones.js';
import { challengeState } from '../../step-up/challenge.js';
import { ChallengeDecision } from '../../step-up/challenge-decision.entity.js';
import { Challenge } from '../../step-up/challenge.entity.js';
import { describePerson, readPerson } from '../../step-up/decider.js';
import { Client } from '../../zones/clients/client.entity.js';
import { Resource } from '../../zones/resource.entity.js';
import { explainChange } from './explain-change.js';
import { explainExchange } from './explain-exchange.js';
import type { Explanation } from './explanation.js';
import { PoliciesOfDecisions } from './policies-of-decisions.service.js';
import { textAt, textsAt, type RecordedObject } from './recorded.js';
import type { KnownNow } from './known-now.js';

/** The type of the events of token requests. */
export const EXCHANGE = 'token_exchange';

/** Puts what was recorded in words, with what the zone has now of the things that it is about. */
@Injectable()
export class Explanations {
  constructor(
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly policies: PoliciesOfDecisions,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Explains an event of the audit log. @throws {OAuthError} temporarily_unavailable if policies cannot be looked at now */
  async explain(event: RecordedEvent): Promise<Explanation> {
    const [error, reason] = [textAt(event, 'error'), textAt(event, 'reason')];
    return {
      event_id: textAt(event, 'id') ?? '',
      zone_id: textAt(event, 'zone_id') ?? '',
      occurred_at: textAt(event, 'occurred_at') ?? '',
      type: textAt(event, 'type') ?? '',
      outcome: textAt(event, 'outcome') ?? '',
      ...(error === null ? {} : { error }),
      ...(reason === null ? {} : { reason }),
      ...(textAt(event, 'type') === EXCHANGE
        ? await this.explainInZone(event)
        : explainChange(event)),
    };
  }

  /** A request may be asked for without its zone. */
  private explainInZone(event: RecordedObject) {
    const zoneId = textAt(event, 'zone_id') ?? '';
    return atZone(this.read.connection, zoneId, () => this.explainExchange(zoneId, event));
  }

  private async explainExchange(zoneId: string, event: RecordedObject) {
    // One after the other: the connections are those that all requests share.
    const { deciders, challenge } = await this.challengeOf(zoneId, event);
    return explainExchange(event, {
      names: await this.namesIn(zoneId, event),
      client: await this.clientOf(zoneId, event),
      resources: await this.resourcesOf(zoneId, event),
      subject: await this.subjectOf(zoneId, event),
      delegated: await this.delegationOf(zoneId, event),
      challenge,
      deciders,
      ...(await this.policies.of(event)),
    });
  }

  /** The names of all clients that an event names. */
  private async namesIn(
    zoneId: string,
    event: RecordedObject,
  ): Promise<ReadonlyMap<string, string>> {
    const ids = [
      textAt(event, 'client_id'),
      textAt(event, 'claimed_client_id'),
      textAt(event, 'subject', 'sub'),
      textAt(event, 'actor', 'sub'),
    ].filter((id): id is string => id !== null && isUuid(id));
    if (ids.length === 0) return new Map();
    const clients = await this.read.find(Client, {
      where: { zoneId, id: In(ids) },
      select: { id: true, zoneId: true, name: true },
    });
    return new Map(clients.map(({ id, name }) => [id, name]));
  }

  private async clientOf(zoneId: string, event: RecordedObject): Promise<KnownNow['client']> {
    const id = textAt(event, 'client_id') ?? textAt(event, 'claimed_client_id');
    if (id === null || !isUuid(id)) return null;
    const client = await this.read.findOneBy(Client, { zoneId, id });
    if (client === null) return null;
    const { name, disabledAt, scopes, audience } = client;
    return { name, disabled: disabledAt !== null, scopes, audience };
  }

  private async resourcesOf(zoneId: string, event: RecordedObject): Promise<KnownNow['resources']> {
    const named = textsAt(event, 'requested', 'resources') ?? [];
    if (named.length === 0) return new Map();
    const found = await this.read.findBy(Resource, { zoneId, identifier: In(named) });
    return new Map(found.map(({ identifier, scopes }) => [identifier, { scopes }]));
  }

  /** What the subject token of a request has: it is a mandate, which was recorded when it was issued. */
  private async subjectOf(zoneId: string, event: RecordedObject): Promise<KnownNow['subject']> {
    const jti = textAt(event, 'subject', 'jti');
    if (jti === null || !isUuid(jti)) return null;
    const [row] = await this.read.query<{ event: RecordedObject }[]>(ISSUED, [zoneId, jti]);
    if (row === undefined) return null;
    const scopes = textsAt(row.event, 'mandate', 'scope');
    const targets = textsAt(row.event, 'mandate', 'target');
    return scopes === null || targets === null ? null : { scopes, targets };
  }

  private async delegationOf(
    zoneId: string,
    event: RecordedObject,
  ): Promise<KnownNow['delegated']> {
    const id = textAt(event, 'requested', 'delegation_edge_id');
    if (id === null || !isUuid(id)) return null;
    const edge = await this.read.findOneBy(DelegationEdge, { zoneId, id });
    return edge === null ? null : edge.scopes;
  }

  private async challengeOf(
    zoneId: string,
    event: RecordedObject,
  ): Promise<{
    readonly challenge: KnownNow['challenge'];
    readonly deciders: readonly string[];
  }> {
    const id = textAt(event, 'challenge', 'id') ?? textAt(event, 'requested', 'challenge_id');
    const challenge =
      id === null || !isUuid(id) ? null : await this.read.findOneBy(Challenge, { zoneId, id });
    if (challenge === null) return { challenge: null, deciders: [] };
    const decisions = await this.read.find(ChallengeDecision, {
      where: { zoneId, challengeId: challenge.id },
      order: { decidedAt: 'ASC', decidedBy: 'ASC' },
    });
    const { type, approvals, quorum } = challenge;
    const state = challengeState(challenge, this.clock.now());
    return {
      challenge: { id: challenge.id, type, state, approvals, quorum },
      deciders: decisions.map(inWords),
    };
  }
}

function inWords({ decidedBy, person, method, decision, decidedAt }: ChallengeDecision): string {
  const by = readPerson(person);
  const named = by === null ? null : describePerson(by);
  const who =
    named === null ? decidedBy : `${named.sub}${named.iss === undefined ? '' : ` of ${named.iss}`}`;
  return `${who} ${decision} it by ${method} at ${decidedAt.toISOString()}`;
}

/** The event of a mandate. */
const ISSUED = `
  SELECT audit_event(a) AS event FROM audit_events a
   WHERE zone_id = $1 AND jti = $2 AND type = 'token_exchange' LIMIT 1`;
