import { NO_ZONE } from '../../ledger/entry.js';
import type { ApprovalRow } from './approval.entity.js';

/** The states of an approval. */
export const APPROVAL_STATES = ['open', 'approved', 'rejected', 'expired', 'used'] as const;

/** One of {@link APPROVAL_STATES}. */
export type ApprovalState = (typeof APPROVAL_STATES)[number];

/** What a second operator approves before it is done, or looks at afterwards. */
export interface ApprovalView {
  readonly id: string;
  /** Where it is shown, and below which it is decided. */
  readonly url: string;
  /** `request`: it is done once it is approved. `review`: it was done at once, and somebody else looks at it. */
  readonly kind: 'request' | 'review';
  /** What is to be done or was: `delete_zone`, `activate_policy`, `turn_off_two_person_rule`, `emergency_rotation`. */
  readonly action: string;
  /** The same, in words, with the names of what it is about. */
  readonly summary: string;
  /** The zone that it is about; absent if it is about none. */
  readonly zone_id?: string;
  readonly state: ApprovalState;
  /** Who asked for it, or did it. */
  readonly asked_by: string;
  /** The id of that operator; `null` for one without a name of its own, such as the admin key. */
  readonly asked_by_id: string | null;
  readonly asked_at: Date;
  /** The request that asked for it, or did it, as the audit log names it. */
  readonly request_id: string;
  /** Until when it can be approved, and used; `null` for a review. */
  readonly expires_at: Date | null;
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
    expires_at: row.expiresAt,
    ...(row.decidedBy === null || row.decidedById === null || row.decidedAt === null
      ? {}
      : { decided_by: row.decidedBy, decided_by_id: row.decidedById, decided_at: row.decidedAt }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.usedAt === null ? {} : { used_at: row.usedAt }),
  };
}

/** The same rules as {@link stateOf}, in SQL about `row`. */
export const IN_STATE: Readonly<Record<ApprovalState, string>> = {
  open: 'row.decision IS NULL AND (row.expires_at IS NULL OR row.expires_at > now())',
  approved: `row.decision = 'approved' AND row.used_at IS NULL
    AND (row.expires_at IS NULL OR row.expires_at > now())`,
  rejected: `row.decision = 'rejected'`,
  expired: `row.decision IS DISTINCT FROM 'rejected' AND row.used_at IS NULL AND row.expires_at <= now()`,
  used: 'row.used_at IS NOT NULL',
};

/** The state of an approval. @param now milliseconds since the epoch */
export function stateOf(
  { decision, usedAt, expiresAt }: Pick<ApprovalRow, 'decision' | 'usedAt' | 'expiresAt'>,
  now: number,
): ApprovalState {
  if (usedAt !== null) return 'used';
  if (decision === 'rejected') return 'rejected';
  if (expiresAt !== null && expiresAt.getTime() <= now) return 'expired';
  return decision === null ? 'open' : 'approved';
}
