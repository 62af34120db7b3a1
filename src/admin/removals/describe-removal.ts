import type { Removal } from '../../zones/removal.entity.js';

/** How far a removal is, as operators see it. */
export interface Removing {
  /** Absent where nothing is being removed. */
  readonly removing?: {
    /** When it was ended. */
    readonly since: Date;
    /** How many rows are gone. */
    readonly removed?: number;
    /** How many are left; `null` as long as they were not counted. */
    readonly remaining?: number | null;
  };
}

/** How far a removal is; nothing for one that has come to its end. */
export function removing(removal: Removal | null): Removing {
  if (removal === null) return {};
  const { total, removed, requestedAt } = removal;
  const remaining = total === null ? null : Math.max(0, Number(total) - Number(removed));
  return { removing: { since: requestedAt, removed: Number(removed), remaining } };
}
