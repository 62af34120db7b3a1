import { ConflictException, Injectable, UnprocessableEntityException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { RevocationOrder } from '../../issuer/revocation/revocation-order.entity.js';
import {
  RevocationOrders,
  type OrderOutcome,
  type Ordered,
} from '../../issuer/revocation/revocation-orders.service.js';
import type { RevocationTarget } from '../../issuer/revocation/revocation-target.js';
import { AuditedKeyChanges } from '../keys/audited-key-changes.service.js';
import { AuditedChanges, type Made } from '../audited-changes.service.js';
import type { Change } from '../change.js';

/** An order that was made, or was there by the same request. */
export type MadeOrder = Extract<OrderOutcome, { status: 'ordered' }>;

/** What the audit event of an order says of it. */
export type DescribeOrder = (order: RevocationOrder) => Readonly<Record<string, unknown>>;

/** What things are called that an order may not find. */
const WORDS = {
  client_id: 'client',
  resource: 'resource',
  issuer: 'trusted issuer',
  subject: 'trusted issuer of that subject',
  policy_set_version_id: 'policy set version',
  kid: 'signing key',
} as const;

/** Makes operators' orders, each in one transaction with its audit event. */
@Injectable()
export class Ordering {
  constructor(
    private readonly changes: AuditedChanges,
    private readonly keyChanges: AuditedKeyChanges,
    private readonly orders: RevocationOrders,
  ) {}

  /**
   * Makes an order.
   *
   * @param dryRun whether to undo it, and to record nothing: what it says is then what it would have hit
   * @throws {HttpException} 422 for a target that there is not, 409 for one that is in use
   * @throws {OAuthError} idempotency_key_conflict; temporarily_unavailable, after which it may have been made
   */
  async order(
    change: Change,
    ordered: Ordered,
    describe: DescribeOrder,
    dryRun: boolean,
  ): Promise<MadeOrder> {
    let made: MadeOrder | null = null;
    const affects = await this.changes.readFirst(change.zoneId, (tx) =>
      this.orders.count(tx, change.zoneId, ordered),
    );
    const make = async (tx: EntityManager): Promise<Made<null> | null> => {
      made = orderedOr(ordered.target, await this.orders.make(tx, change.zoneId, ordered, affects));
      if (dryRun || made.replayed) return null;
      return { result: null, details: describe(made.order) };
    };
    const { target } = ordered;
    if (target.kind === 'kid') {
      const intent = { want: 'emergency', kid: target.name } as const;
      await this.keyChanges.run(change, intent, async (tx, apply) => {
        const [key] = await tx.query<unknown[]>(KEY, [change.zoneId, target.name]);
        if (key === undefined) throw unknown(target);
        const recorded = await make(tx);
        if (recorded === null) return null;
        const { published, withdrawn } = await apply();
        return { ...recorded, details: { ...recorded.details, keys: { published, withdrawn } } };
      });
    } else {
      await this.changes.run(change, make);
    }
    if (made === null) throw new Error('an order came to nothing');
    return made;
  }
}

function orderedOr(target: RevocationTarget, outcome: OrderOutcome): MadeOrder {
  switch (outcome.status) {
    case 'ordered':
      return outcome;
    case 'unknown':
      throw unknown(target);
    case 'in use':
      break;
  }
  throw new ConflictException(outcome.why);
}

function unknown({ kind }: RevocationTarget): UnprocessableEntityException {
  const word = kind in WORDS ? Reflect.get(WORDS, kind) : kind;
  return new UnprocessableEntityException(`no such ${String(word)}`);
}

const KEY = 'SELECT 1 FROM signing_keys WHERE zone_id = $1 AND kid = $2';
