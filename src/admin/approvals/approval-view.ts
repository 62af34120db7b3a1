import { instant } from '../../platform/config/clock.js';
import { NO_ZONE } from '../../ledger/entry.js';
import type { ApprovalRow } from './approval.entity.js';
import { REVIEW_DAYS } from './reviews.js';

/** The states of an approval. */
export const APPROVAL_STATES = [
  'open',
  'approved',
  'rejected',
  'expired',
  'used',
  'not_reviewed',
] as const;

/** One of {@link APPROVAL_STATES}. */
export type ApprovalState = (typeof APPROVAL_STATES)[number];

/** What a second operator approves before it is done, or looks at afterwards. */
export interface ApprovalView {
  readonly id: string;
  /** Where it is shown, and below which it is decided. */
  readonly url: string;
  /** `request`: it is done once it is approved. `review`: it was done at once, and somebody else looks at it. */
  readonly kind: 'request' | 'review';
  /**
   * What is to be done or was: `delete_zone`, `activate_policy`, `draw_key`, `give_approval`, `turn_off_two_person_rule`,
   * `emergency_rotation`, `revoke_signing_key`.
   */
  readonly action: string;
  /** The same, in words, with the names of what it is about. */
  readonly summary: string;
  /** The zone that it is about; absent if it is about none. */
  readonly zone_id?: string;
  /** `not_reviewed`: nobody else has looked at it in time, and that stays so unless somebody does. */
  readonly state: ApprovalState;
  /** Who asked for it, or did it. */
  readonly asked_by: string;
  /** The id of that operator; `null` for one without a name of its own, such as the admin key. */
  readonly asked_by_id: string | null;
  readonly asked_at: Date;
  /** The request that asked for it, or did it, as the audit log names it. */
  readonly request_id: string;
  /** Until when it can be approved, and used. Of a review: from when on it is `not_reviewed`; it can be decided all the same. */
  readonly expires_at: Date;
  /** Who decided; absent as long as nobody has. */
  readonly decided_by?: string;
  readonly decided_by_id?: string;
  readonly decided_at?: Date;
  /** Why, in the words of who decided. */
  readonly reason?: string;
  /** When what was approved was done; absent before. */
  readonly used_at?: Date;
}

/** What is shown of an approval. @param now milliseconds since the epoch */
export function toView(row: ApprovalRow, now: number): ApprovalView {
  return {
    id: row.id,
    url: `/internal/approvals/${row.id}`,
    kind: row.kind,
    action: row.action,
    summary: row.summary,
    ...(row.zoneId === NO_ZONE ? {} : { zone_id: row.zoneId }),
    state: stateOf(row, now),
    asked_by: row.operator,
    asked_by_id: row.operatorId,
    asked_at: row.askedAt,
    request_id: row.requestId,
    expires_at: row.expiresAt ?? dueOf(row),
    ...(row.decidedBy === null || row.decidedById === null || row.decidedAt === null
      ? {}
      : { decided_by: row.decidedBy, decided_by_id: row.decidedById, decided_at: row.decidedAt }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.usedAt === null ? {} : { used_at: row.usedAt }),
  };
}

/** Until when a review is open that a process of a version before has put up. */
const DUE = `COALESCE(row.expires_at, row.asked_at + interval '${REVIEW_DAYS} days')`;

function dueOf({ askedAt }: Pick<ApprovalRow, 'askedAt'>): Date {
  return instant(askedAt.getTime() + REVIEW_DAYS * 86_400_000);
}

/** The same rules as {@link stateOf}, in SQL about `row`. */
export const IN_STATE: Readonly<Record<ApprovalState, string>> = {
  open: `row.decision IS NULL AND ${DUE} > now()`,
  approved: `row.decision = 'approved' AND row.used_at IS NULL AND (row.kind = 'review' OR row.expires_at > now())`,
  rejected: `row.decision = 'rejected'`,
  expired: `row.kind = 'request' AND row.decision IS DISTINCT FROM 'rejected' AND row.used_at IS NULL
    AND row.expires_at <= now()`,
  not_reviewed: `row.kind = 'review' AND row.decision IS NULL AND ${DUE} <= now()`,
  used: 'row.used_at IS NOT NULL',
};

/** The state of an approval. @param now milliseconds since the epoch */
export function stateOf(
  row: Pick<ApprovalRow, 'kind' | 'decision' | 'usedAt' | 'expiresAt' | 'askedAt'>,
  now: number,
): ApprovalState {
  const { kind, decision, usedAt } = row;
  if (usedAt !== null) return 'used';
  if (decision === 'rejected') return 'rejected';
  const isOver = (row.expiresAt ?? dueOf(row)).getTime() <= now;
  if (kind === 'review') return decision ?? (isOver ? 'not_reviewed' : 'open');
  if (isOver) return 'expired';
  return decision ?? 'open';
}
