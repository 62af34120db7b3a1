import { ConflictException, ForbiddenException, HttpException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { OAuthError } from '../../oauth/errors.js';
import type { Zone } from '../../zones/zone.entity.js';
import { askedRequestOf, type AskedRequest } from '../asked-request.js';
import type { Change } from '../change.js';
import { countApprovers, DECIDER_HOLDS } from './approvers.js';
import { emergencyOf, putUpForReview } from './reviews.js';
import { guardedChange, RULE_CHANGED, type GuardedChange } from './guarded-change.js';

/** Hours until what was asked for can be approved or used no more. */
const EXPIRES_HOURS = 24;
/** The most that one operator has asked for and nobody has decided. */
const MOST_OPEN = 100;

/** The fewest operators who can approve, while the rule is on. */
export const FEWEST_APPROVERS = 2;

/** Thrown by a change that a second person has not approved: undo it, and {@link askForApproval}. */
export class ApprovalRequired extends Error {
  override readonly name = 'ApprovalRequired';

  constructor(
    readonly guarded: GuardedChange,
    readonly request: AskedRequest,
    readonly operatorId: string,
  ) {
    super('a second operator has to approve this');
  }
}

/** What an approval that was asked for is told as (428). */
export interface AskedApproval {
  readonly id: string;
  readonly url: string;
  readonly what: string;
  readonly state: 'open' | 'approved';
  readonly expires_at: Date;
}

/** Whether the rule is on. */
export async function isRuleOn(tx: EntityManager): Promise<boolean> {
  const [row] = await tx.query<{ on: boolean }[]>(RULE);
  return row?.on ?? false;
}

/**
 * How many can approve before a change of operators, while the rule is on. To be asked before it is made. A key may have been
 * stolen, and whoever has it is a second person until it is revoked: so that is done even if one is left alone by it, who
 * can then do nothing that takes two.
 *
 * @returns `null` for other changes, and while the rule is off
 */
export async function approversBefore(tx: EntityManager, { type }: Change): Promise<number | null> {
  if (!/^operator(_key)?\./.test(type) || type === 'operator_key.revoked') return null;
  if (!(await isRuleOn(tx))) return null;
  return countApprovers(tx);
}

/**
 * Has a change that was made, and not committed, wait for a second person, if it is one that takes two. What was approved is
 * used up with it. It sees to it, too, that there are two persons as long as the rule is on, and puts up for review what
 * could not wait.
 *
 * @param zone as it was before
 * @param details what the audit event is going to say of the change
 * @param before what {@link approversBefore} has found
 * @returns what it says beside that
 * @throws {ApprovalRequired} if nobody has approved it yet
 * @throws {HttpException} 403 for who is no named operator; 409 if too few operators would be left
 */
export async function holdToTwoPersons(
  tx: EntityManager,
  change: Change,
  zone: Zone | null,
  details: Readonly<Record<string, unknown>>,
  before: number | null,
): Promise<Readonly<Record<string, unknown>>> {
  const emergency = emergencyOf(change, zone, details);
  if (emergency !== null) return putUpForReview(tx, change, emergency);
  if (before !== null) await checkEnoughLeft(tx, before);
  const guarded = guardedChange(change, zone, details);
  if (guarded === null) return {};
  // When it is turned off it is off in here, and was on.
  const holds = change.type === RULE_CHANGED || (await isRuleOn(tx));
  return holds ? useApproval(tx, change, guarded) : {};
}

/** Notes that something waits for a second person; what waits already is found. To be called when the change is undone. */
export async function askForApproval(
  tx: EntityManager,
  { zoneId, requestId, operator }: Change,
  { guarded, request, operatorId }: ApprovalRequired,
): Promise<{ readonly isNew: boolean; readonly asked: AskedApproval }> {
  const { action, summary, tag } = guarded;
  const [waiting] = await tx.query<WaitingRow[]>(WAITING, [operatorId, request.whole, tag]);
  if (waiting !== undefined) return { isNew: false, asked: toAsked(waiting) };
  const [open] = await tx.query<{ count: number }[]>(OPEN, [operatorId]);
  if ((open?.count ?? 0) >= MOST_OPEN) {
    throw new OAuthError('slow_down', `${MOST_OPEN} approvals that you asked for are open`, {
      retryAfter: 60,
    });
  }
  const [made] = await tx.query<WaitingRow[]>(ASK, [
    uuidv7(),
    zoneId,
    action,
    summary,
    operatorId,
    operator.name,
    requestId.request_id,
    request.whole,
    tag,
    EXPIRES_HOURS,
  ]);
  if (made === undefined) throw new Error('no approval was made');
  return { isNew: true, asked: toAsked(made) };
}

/** 428: what to do about it. */
export function approvalRequired(approval: AskedApproval): HttpException {
  const message =
    approval.state === 'approved'
      ? 'it is approved under another id than the header Approval names'
      : 'another operator has to approve this; ask for the same again when that is done';
  return new HttpException({ message, approval }, 428);
}

async function useApproval(tx: EntityManager, change: Change, guarded: GuardedChange) {
  const { operator, requestId } = change;
  const request = askedRequestOf(requestId);
  if (operator.id === null || request === null) {
    throw new ForbiddenException(
      `this takes two persons, and ${operator.name} is no named operator: ask with the key of one`,
    );
  }
  const [used] = await tx.query<UsedRow[]>(USE, [
    operator.id,
    request.whole,
    guarded.tag,
    request.approval,
  ]);
  if (used === undefined) throw new ApprovalRequired(guarded, request, operator.id);
  return { approval_id: used.id, approved_by: used.by, approved_by_id: used.byId };
}

async function checkEnoughLeft(tx: EntityManager, before: number): Promise<void> {
  const left = await countApprovers(tx);
  if (left >= FEWEST_APPROVERS || left >= before) return;
  throw new ConflictException(
    'the two-person rule is on: at least two operators who may approve have to be left',
  );
}

function toAsked({ id, summary, expiresAt, decision }: WaitingRow): AskedApproval {
  return {
    id,
    url: `/internal/approvals/${id}`,
    what: summary,
    state: decision === null ? 'open' : 'approved',
    expires_at: expiresAt,
  };
}

interface WaitingRow {
  readonly id: string;
  readonly summary: string;
  readonly expiresAt: Date;
  readonly decision: 'approved' | null;
}

interface UsedRow {
  readonly id: string;
  readonly by: string;
  readonly byId: string;
}

/** The lock is in the way of who changes the rule, and of nobody else. */
const RULE = 'SELECT two_person_rule AS on FROM administration FOR KEY SHARE';

/** Which approval is used up: the one that is named, else the one for just this, of somebody who may still approve it. */
const USE = `
  WITH used AS (
    UPDATE approvals SET used_at = statement_timestamp()
     WHERE id = (SELECT id FROM approvals
                  WHERE kind = 'request' AND operator_id = $1 AND fingerprint = $2 AND tag = $3
                    AND decision = 'approved' AND used_at IS NULL AND expires_at > statement_timestamp()
                    AND ${DECIDER_HOLDS}
                    AND ($4::text IS NULL OR id::text = $4)
                  ORDER BY id LIMIT 1 FOR UPDATE)
       AND used_at IS NULL
    RETURNING id, decided_by, decided_by_id)
  SELECT id, decided_by AS by, decided_by_id AS "byId" FROM used`;

const WAITING = `
  SELECT id, summary, expires_at AS "expiresAt", decision FROM approvals
   WHERE kind = 'request' AND operator_id = $1 AND fingerprint = $2 AND tag = $3 AND used_at IS NULL
     AND decision IS DISTINCT FROM 'rejected' AND expires_at > statement_timestamp()
     AND (decision IS NULL OR ${DECIDER_HOLDS})
   ORDER BY id LIMIT 1`;

const OPEN = `
  SELECT count(*)::int AS count FROM approvals
   WHERE kind = 'request' AND operator_id = $1 AND used_at IS NULL AND decision IS NULL
     AND expires_at > statement_timestamp()`;

const ASK = `
  INSERT INTO approvals (id, zone_id, kind, action, summary, operator_id, operator, request_id, fingerprint, tag, expires_at)
  VALUES ($1, $2, 'request', $3, $4, $5, $6, $7, $8, $9, now() + make_interval(hours => $10))
  RETURNING id, summary, expires_at AS "expiresAt", decision`;
