import { ConflictException, ForbiddenException, NotFoundException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { seesZone, type Operator } from '../operators/operator.js';
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
 * A second person is a named operator other than who asked, whose key is older than what it approves and was not drawn by who
 * asked: an owner who makes up a colleague, or takes the key of one, does not approve what it asks for itself.
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
  if (state !== 'open') throw new ConflictException(`it is ${state}, and decided no more`);
  if (operator.id === null) {
    throw new ForbiddenException(
      `${operator.name} is no named operator: decide with the key of one`,
    );
  }
  const isOwn = operator.id === row.operatorId;
  if (isOwn && (decision === 'approved' || row.kind === 'review')) {
    throw new ForbiddenException('somebody else has to decide what you asked for or did');
  }
  if (!isOwn) await checkKey(tx, row, operator);
  await approvals.update(
    { id },
    {
      decision,
      reason,
      decidedBy: operator.name,
      decidedById: operator.id,
      decidedAt: () => 'clock_timestamp()',
    },
  );
  return approvals.findOneByOrFail({ id });
}

/** @throws {ForbiddenException} for a key that who asked may have, or that is younger than what is approved */
async function checkKey(
  tx: EntityManager,
  row: ApprovalRow,
  { recorded }: Operator,
): Promise<void> {
  const key = recorded?.['operator_key'] ?? null;
  const [found] = await tx.query<{ own: boolean; younger: boolean }[]>(KEY, [
    key,
    row.operatorId,
    row.id,
  ]);
  if (found === undefined || found.own) {
    throw new ForbiddenException(
      'who asked for it has drawn your key: it is not decided with that',
    );
  }
  if (found.younger) {
    throw new ForbiddenException('your key is younger than what it is to decide');
  }
}

const KEY = `
  SELECT k.created_by IS NOT NULL AND k.created_by = $2::uuid AS own, k.created_at >= a.asked_at AS younger
    FROM operator_keys k, approvals a WHERE k.id = $1::uuid AND a.id = $3`;
