import { ConflictException, ForbiddenException, NotFoundException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { seesZone, type BorneKey, type Operator } from '../operators/operator.js';
import { ApprovalRow } from './approval.entity.js';
import { stateOf } from './approval-view.js';

/** What is decided about an approval, and why. */
export interface Decided {
  readonly decision: 'approved' | 'rejected';
  readonly reason: string;
}

/**
 * Decides an approval, for a second person. Who asked for it may reject it, which withdraws it.
 *
 * A second person is a named operator other than who asked, with a key that it drew for itself before: whoever drew a key for
 * somebody else may have kept it, and who makes up a colleague does not approve what it asked for before.
 *
 * @param tx in which decisions about the zone take turns
 * @throws {HttpException} 404, 403 for who is no second person, 409 for what is not open
 */
export async function decide(
  tx: EntityManager,
  id: string,
  operator: Operator,
  { decision, reason }: Decided,
): Promise<ApprovalRow> {
  const approvals = tx.getRepository(ApprovalRow);
  const row = await approvals.findOne({ where: { id }, lock: { mode: 'pessimistic_write' } });
  if (row === null || !seesZone(operator, row.zoneId))
    throw new NotFoundException('no such approval');
  const [clock] = await tx.query<{ now: Date }[]>('SELECT clock_timestamp() AS now');
  const state = stateOf(row, clock?.now.getTime() ?? 0);
  if (state !== 'open' && state !== 'not_reviewed')
    throw new ConflictException(`it is ${state}, and decided no more`);
  if (operator.id === null) {
    throw new ForbiddenException(
      `${operator.name} is no named operator: decide with the key of one`,
    );
  }
  const isOwn = operator.id === row.operatorId;
  if (isOwn && (decision === 'approved' || row.kind === 'review')) {
    throw new ForbiddenException('somebody else has to decide what you asked for or did');
  }
  if (!isOwn) await checkKey(tx, id, operator.key);
  await approvals.update(
    { id },
    {
      decision,
      reason,
      decidedBy: operator.name,
      decidedById: operator.id,
      decidedAt: () => 'statement_timestamp()',
    },
  );
  return approvals.findOneByOrFail({ id });
}

/** @throws {ForbiddenException} for a key that somebody else may have, or that is younger than what is approved */
async function checkKey(
  tx: EntityManager,
  approvalId: string,
  key: BorneKey | undefined,
): Promise<void> {
  if (key?.own !== true) {
    throw new ForbiddenException(
      'somebody else drew your key: draw one with it (POST /internal/operators/me/keys), and decide with that',
    );
  }
  const [found] = await tx.query<{ younger: boolean }[]>(KEY, [key.id, approvalId]);
  if (found?.younger !== false) {
    throw new ForbiddenException('your key is younger than what it is to decide');
  }
}

/** A key that was drawn with an older one of one's own is as old as that. */
const KEY = `
  WITH RECURSIVE drawn AS (
    SELECT id, operator_id, drawn_with, created_at FROM operator_keys WHERE id = $1::uuid
    UNION
    SELECT k.id, k.operator_id, k.drawn_with, k.created_at FROM operator_keys k
      JOIN drawn d ON k.operator_id = d.operator_id AND k.id = d.drawn_with
     WHERE k.drawn_with IS NOT NULL)
  SELECT min(d.created_at) >= a.asked_at AS younger FROM drawn d, approvals a WHERE a.id = $2 GROUP BY a.asked_at`;
