import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Once } from '../../delegation/coordinator/idempotency.js';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import { newId } from '../../platform/uuid-v7.js';
import { countAffected, type Affects } from './affects.js';
import { RevocationOrder } from './revocation-order.entity.js';
import { targetKey, writtenTarget, type RevocationTarget } from './revocation-target.js';
import { takeBack, type TakenBack } from './take-back.js';

/** What is ordered, by whom and why. */
export interface Ordered {
  readonly target: RevocationTarget;
  readonly reason: string;
  readonly reasonCode: string | null;
  readonly actor: string;
  /** When the last mandate that it is about has expired, if that is known. */
  readonly expiresAt: Date | null;
  /** What the request is known by, if it may be repeated. */
  readonly once: Once | null;
}

/** What an order came to. */
export type OrderOutcome =
  | {
      readonly status: 'ordered';
      readonly order: RevocationOrder;
      /** Whether the same request has made it before: then nothing was done. */
      readonly replayed: boolean;
    }
  | Exclude<TakenBack, { status: 'taken back' }>;

/** Orders to take something back, by operators and by what others signal. */
@Injectable()
export class RevocationOrders {
  /**
   * Counts what an order would hit, before anything is locked for it: so it is what was alive when it was ordered, and what
   * is issued or ends until it is made is not looked at.
   *
   * @param tx a transaction that holds nothing that others wait for
   * @returns `null` if the same request has made the order before
   * @throws {OAuthError} idempotency_key_conflict for a key that was used for something else
   */
  async count(
    tx: EntityManager,
    zoneId: string,
    { target, once }: Pick<Ordered, 'target' | 'once'>,
  ): Promise<Affects | null> {
    const before = once === null ? null : await madeBefore(tx, zoneId, once);
    return before === null ? countAffected(tx, zoneId, target) : null;
  }

  /**
   * Makes an order: takes something back, and keeps what was ordered, in one transaction, with which the caller records it
   * in the audit log. What has very many rows is dead with the commit all the same; the rows are ended afterwards
   * (`revocation-endings.service.ts`).
   *
   * @param tx a transaction that has its turn in the zone, and holds the zone's row
   * @param affects what {@link count} has said
   * @throws {OAuthError} idempotency_key_conflict for a key that was used for something else
   */
  async make(
    tx: EntityManager,
    zoneId: string,
    ordered: Ordered,
    affects: Affects | null,
  ): Promise<OrderOutcome> {
    const { target, once } = ordered;
    const before = once === null ? null : await madeBefore(tx, zoneId, once);
    if (before !== null) return { status: 'ordered', order: before, replayed: true };
    // It was made a day ago when it was counted, which is when a key is forgotten.
    if (affects === null) throw unavailable('the order was forgotten while it was looked up');
    const id = newId();
    // Signals are kept with the order that they are of (ssf_event in ssf/outbox.sql).
    await tx.query(`SELECT set_config('mandate.revocation_order', $1, true)`, [id]);
    const taken = await takeBack(tx, zoneId, target);
    if (taken.status !== 'taken back') return taken;
    const orders = tx.getRepository(RevocationOrder);
    await orders.insert({
      zoneId,
      id,
      target: writtenTarget(target),
      targetKey: targetKey(target),
      reason: ordered.reason,
      reasonCode: ordered.reasonCode,
      actor: ordered.actor,
      generation: taken.generation,
      affects,
      expiresAt: ordered.expiresAt,
      ...(once === null ? {} : { idempotencyKey: once.key, idempotencyRequest: once.request }),
    });
    await beginEnding(tx, { zoneId, id, target, generation: taken.generation });
    const order = await orders.findOneByOrFail({ zoneId, id });
    return { status: 'ordered', order, replayed: false };
  }
}

/** What the same request has made within a day. */
async function madeBefore(
  tx: EntityManager,
  zoneId: string,
  once: Once,
): Promise<RevocationOrder | null> {
  const [made] = await tx.query<{ id: string; request: Buffer }[]>(MADE_BEFORE, [zoneId, once.key]);
  if (made === undefined) return null;
  if (!made.request.equals(once.request)) {
    throw new OAuthError(
      'idempotency_key_conflict',
      'the Idempotency-Key was used for another request',
    );
  }
  return tx.getRepository(RevocationOrder).findOneByOrFail({ zoneId, id: made.id });
}

/** Leaves the rows that are dead by a generation to be ended. */
async function beginEnding(
  tx: EntityManager,
  {
    zoneId,
    id,
    target,
    generation,
  }: {
    readonly zoneId: string;
    readonly id: string;
    readonly target: RevocationTarget;
    readonly generation: number | null;
  },
): Promise<void> {
  const rows = endingOf(target, zoneId);
  if (rows === null || generation === null) return;
  const { kind, name, issuer } = rows;
  await tx.query(BEGIN_ENDING, [zoneId, id, kind, name, issuer, generation]);
  // Whoever remembers a way through the graph reads it anew, and finds what is dead on it.
  await tx.query('UPDATE delegation_graphs SET epoch = epoch + 1 WHERE zone_id = $1', [zoneId]);
}

function endingOf(target: RevocationTarget, zoneId: string) {
  switch (target.kind) {
    case 'client_id':
      return { kind: 'client', name: target.name, issuer: null };
    case 'issuer':
      return { kind: 'issuer', name: target.name, issuer: null };
    case 'subject':
      return { kind: 'subject', name: target.subject.sub, issuer: target.subject.iss };
    case 'zone':
      return { kind: 'zone', name: zoneId, issuer: null };
    default:
      return null;
  }
}

const MADE_BEFORE = `
  SELECT o.id, o.idempotency_request AS request FROM revocation_orders o
   WHERE o.zone_id = $1 AND o.idempotency_key = $2 AND o.at > clock_timestamp() - interval '1 day'
   ORDER BY o.id DESC LIMIT 1`;

const BEGIN_ENDING = `
  WITH begun AS (
    INSERT INTO revocation_endings (zone_id, order_id, kind, name, issuer, generation)
    VALUES ($1, $2, $3, $4, $5, $6)
  )
  SELECT wake_job('revocation endings')`;
