import { BadRequestException, ConflictException, Injectable } from '@nestjs/common';
import { IsNull, type EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { OAuthError } from '../../oauth/errors.js';
import { instant } from '../../platform/config/clock.js';
import type { Change } from '../change.js';
import { findRow } from '../find-row.js';
import { AdministrationChanges } from './administration-changes.service.js';
import { boundedBy, isBeyond } from './bounded-key.js';
import { OperatorKey } from './operator-key.entity.js';
import { OperatorRow } from './operator-row.entity.js';
import { digestOf, newOperatorSecret } from './operator-secret.js';
import { toKeyView, type NewOperatorKeyView, type OperatorKeyView } from './operator-view.js';
import { Owners } from './owners.service.js';

/** The most keys of an operator that were not revoked. */
const MAX_KEYS = 20;
/** The most that are drawn for one in a day, by itself and by others each, revoked ones too: their rows stay. */
const MAX_DRAWN_A_DAY = 100;

/** What a new key is to be like. */
export interface WantedKey {
  readonly description: string | null;
  readonly addresses: readonly string[] | null;
  readonly expiresAt: Date | null;
}

/** What a key is drawn under. */
export interface Drawing {
  /** Whose it is to be. */
  readonly operatorId: string;
  /** The operator who draws it; `null` for one without a name of its own. */
  readonly createdBy: string | null;
  /** The key of the same operator that it is drawn with; `null` where somebody else draws it. */
  readonly drawnWith: string | null;
  /** Whether it is good for no more than that one. */
  readonly bounded: boolean;
  /** Looks whether that may be. @throws {HttpException} */
  readonly check?: (of: OperatorRow) => void;
}

/** What is revoked with a key, and who does it. */
export interface Revoking {
  readonly operatorId: string;
  readonly id: string;
  /** The key that is borne, if it is of the same operator: neither it goes along, nor what was drawn with it. */
  readonly borne: string | null;
  /** Looks whether that may be. @throws {HttpException} */
  readonly check: (of: OperatorRow, key: OperatorKeyView) => void;
}

/** A key that would be revoked, and the ids of those that go with it. */
export interface Lost {
  readonly of: OperatorRow;
  readonly key: OperatorKeyView;
  readonly others: readonly string[];
}

/** Draws and revokes keys of operators: those that owners draw for others, and those that operators draw for themselves. */
@Injectable()
export class DrawnKeys {
  constructor(
    private readonly changes: AdministrationChanges,
    private readonly owners: Owners,
  ) {}

  /**
   * Draws a key.
   *
   * @param wanted what it is to be like
   * @returns it, with the key itself
   * @throws {HttpException} 404 for an operator that there is not; 409 if it has as many as it may, or the key that it is drawn
   *   with has done its part; 422 for more than that is good for
   * @throws {OAuthError} slow_down for too many in a day
   */
  async draw(
    change: Change,
    { operatorId, createdBy, drawnWith, bounded, check }: Drawing,
    wanted: WantedKey,
  ): Promise<NewOperatorKeyView> {
    const key = newOperatorSecret();
    const id = uuidv7();
    const made = await this.changes.run(change, async (tx) => {
      const of = await findRow(tx.getRepository(OperatorRow), { id: operatorId }, 'operator');
      check?.(of);
      const keys = tx.getRepository(OperatorKey);
      if ((await keys.countBy({ operatorId, revokedAt: IsNull() })) >= MAX_KEYS) {
        throw new ConflictException(`the operator has ${MAX_KEYS} keys, which is the most`);
      }
      await checkNotTooMany(tx, operatorId, drawnWith !== null);
      const by =
        drawnWith === null ? null : await findRow(keys, { operatorId, id: drawnWith }, 'key');
      if (by !== null) await checkDrawsFirst(tx, by);
      const terms = by === null || !bounded ? wanted : boundedBy(by, wanted);
      const { description, addresses, expiresAt } = terms;
      const columns = { description, addresses: addresses === null ? null : [...addresses] };
      const whose = { operatorId, id, digest: digestOf(key), createdBy, drawnWith };
      await keys.insert({ ...whose, ...columns, expiresAt });
      const result = await keys.findOneByOrFail({ operatorId, id });
      const { name: subject, role } = of;
      const beyond = by !== null && isBeyond(by, terms) ? { beyond_drawn_with: true } : {};
      const whom = { subject_operator: subject, subject_role: role };
      const details = { ...whom, key: toKeyView(result), ...beyond };
      return { result, details };
    });
    return { ...toKeyView(made), key };
  }

  /** Looks at what would be revoked. @throws {HttpException} 404; what `check` throws */
  async look(tx: EntityManager, { operatorId, id, borne, check }: Revoking): Promise<Lost> {
    const of = await findRow(tx.getRepository(OperatorRow), { id: operatorId }, 'operator');
    const where = { operatorId, id, revokedAt: IsNull() };
    const key = toKeyView(await findRow(tx.getRepository(OperatorKey), where, 'key'));
    check(of, key);
    const spared = borne === id ? null : borne;
    const others = await tx.query<{ id: string }[]>(DRAWN_WITH, [operatorId, id, spared]);
    return { of, key, others: others.map((other) => other.id) };
  }

  /**
   * Revokes a key, and what its operator has drawn with it: whoever had it may have drawn that. What was drawn with the key that
   * the request bears stays.
   *
   * @throws {HttpException} 404; 409 if no owner would be left; what `check` throws
   */
  async revoke(change: Change, revoking: Revoking): Promise<void> {
    const { operatorId, id } = revoking;
    await this.changes.run(change, async (tx) => {
      const { of, key, others } = await this.look(tx, revoking);
      const keys = [id, ...others];
      await this.owners.keepOne(tx, () => tx.query(REVOKE, [operatorId, keys]));
      const along = others.length === 0 ? {} : { revoked_with_it: others };
      return { result: undefined, details: { subject_operator: of.name, key, ...along } };
    });
  }
}

/**
 * Whoever has stolen a key of an operator can draw all that it may, but keeps nobody else from giving it another one.
 *
 * @param byItself whether it is drawn with a key of the operator's own
 * @throws {OAuthError} slow_down where keys are drawn and revoked without end
 */
async function checkNotTooMany(
  tx: EntityManager,
  operatorId: string,
  byItself: boolean,
): Promise<void> {
  const [row] = await tx.query<{ count: number }[]>(DRAWN_TODAY, [operatorId, byItself]);
  if ((row?.count ?? 0) < MAX_DRAWN_A_DAY) return;
  throw new OAuthError(
    'slow_down',
    `${MAX_DRAWN_A_DAY} keys were drawn for the operator in a day, which is the most`,
    { retryAfter: 3_600 },
  );
}

/** Reads when a key is to stop being good. @param now milliseconds since the epoch */
export function readExpiry(text: string | undefined, now: number): Date | null {
  if (text === undefined) return null;
  const at = instant(Date.parse(text));
  if (at.getTime() <= now) throw new BadRequestException('expires_at is over');
  return at;
}

/**
 * A key that somebody else drew draws one, so that whoever has drawn with it knows that nobody else has: a second one is told.
 *
 * @throws {ConflictException}
 */
async function checkDrawsFirst(tx: EntityManager, by: OperatorKey): Promise<void> {
  if (by.drawnWith !== null) return;
  const { operatorId, id } = by;
  if (!(await tx.getRepository(OperatorKey).existsBy({ operatorId, drawnWith: id }))) return;
  throw new ConflictException(
    'a key was drawn with it already: ask with that one. If that was not you, somebody else has this key',
  );
}

const DRAWN_TODAY = `
  SELECT count(*)::int AS count FROM operator_keys
   WHERE operator_id = $1 AND (drawn_with IS NOT NULL) = $2
     AND created_at > clock_timestamp() - interval '24 hours'`;

/** The good keys that were drawn with one, or with one of those: but one, and what was drawn with that. */
const DRAWN_WITH = `
  WITH RECURSIVE drawn AS (
    SELECT id, revoked_at FROM operator_keys
     WHERE operator_id = $1 AND drawn_with = $2::uuid AND id IS DISTINCT FROM $3::uuid
    UNION
    SELECT k.id, k.revoked_at FROM operator_keys k JOIN drawn d ON k.drawn_with = d.id
     WHERE k.operator_id = $1 AND k.id IS DISTINCT FROM $3::uuid)
  SELECT id FROM drawn WHERE revoked_at IS NULL ORDER BY id`;

const REVOKE =
  'UPDATE operator_keys SET revoked_at = now() WHERE operator_id = $1 AND id = ANY ($2::uuid[])';
