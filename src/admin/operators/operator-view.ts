import type { Permission } from '../permission.js';
import type { OperatorKey } from './operator-key.entity.js';
import type { OperatorRow } from './operator-row.entity.js';

/** An operator as others are shown it. */
export interface OperatorView {
  readonly id: string;
  /** Unique among operators; what audit events name it by. */
  readonly name: string;
  /** What it is, for other operators; `null` where that was not said. */
  readonly description: string | null;
  /** What it may do. */
  readonly role: string;
  /** The ids of the only zones that it may see; `null` for all, and for what is of no zone. */
  readonly zones: readonly string[] | null;
  /** Whether none of its keys lets anybody in. */
  readonly disabled: boolean;
  readonly created_at: Date;
}

/** A key of an operator, as it is shown: never the key itself. */
export interface OperatorKeyView {
  readonly id: string;
  readonly operator_id: string;
  /** Where it is kept, or what it is for; `null` where that was not said. */
  readonly description: string | null;
  /** The networks that it may be used from; `null` for any. */
  readonly addresses: readonly string[] | null;
  /** When it stops being good; `null` for never. */
  readonly expires_at: Date | null;
  /**
   * The key of this operator with which it drew this one for itself, by which it approves what takes two persons; `null`:
   * somebody else drew it, and may have it.
   */
  readonly drawn_with: string | null;
  readonly created_at: Date;
}

/** The same with what changes by itself, and so is no part of the entity tag. */
export interface UsedOperatorKeyView extends OperatorKeyView {
  /** When it was used last, to the minute; `null` for never. */
  readonly last_used_at: Date | null;
}

/** A key that was drawn just now. */
export interface NewOperatorKeyView extends OperatorKeyView {
  /** The key itself. It is shown this once. */
  readonly key: string;
}

/** What goes with a key that is revoked. */
export interface UseOfOperatorKey {
  /** Good keys that its operator drew with it, or with one of those: whoever had it may have drawn them. */
  readonly keys: number;
}

/** The key that somebody asks with. */
export interface MyKeyView {
  readonly id: string;
  /** When it stops being good; `null` for never. */
  readonly expires_at: Date | null;
  /** Whether one drew it for oneself, and so may approve with it what takes two persons. */
  readonly own: boolean;
}

/** Who asks, and what that operator may do. */
export interface MeView {
  /** Of a named operator; `null` for the admin key, and for a mandate. */
  readonly id: string | null;
  /** What audit events name it by. */
  readonly name: string;
  /** Its role; `mandate` for a mandate of the control zone, whose scopes say what it may do. */
  readonly role: string;
  /** The ids of the only zones that it may see; `null` for all. */
  readonly zones: readonly string[] | null;
  /** The key of a named operator; `null` for the admin key, and for a mandate. */
  readonly key: MyKeyView | null;
  /** All that it may do, in those zones. */
  readonly permissions: readonly Permission[];
}

/** @returns the operator as others are shown it */
export function toView(row: OperatorRow): OperatorView {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    role: row.role,
    zones: row.zones,
    disabled: row.disabledAt !== null,
    created_at: row.createdAt,
  };
}

/** @returns the key as it is recorded, and as its entity tag is made of it */
export function toKeyView(row: OperatorKey): OperatorKeyView {
  return {
    id: row.id,
    operator_id: row.operatorId,
    description: row.description,
    addresses: row.addresses,
    expires_at: row.expiresAt,
    drawn_with: row.drawnWith,
    created_at: row.createdAt,
  };
}

/** @returns the key as it is shown */
export function toUsedKeyView(row: OperatorKey): UsedOperatorKeyView {
  return { ...toKeyView(row), last_used_at: row.lastUsedAt };
}
