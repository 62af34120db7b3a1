import type { Removal } from '../../zones/removal.entity.js';

/** How far a removal is, as operators see it; nothing for one that has come to its end. */
export function removing(removal: Removal | null) {
  if (removal === null) return {};
  const { total, removed, requestedAt } = removal;
  const remaining = total === null ? null : Math.max(0, Number(total) - Number(removed));
  return { removing: { since: requestedAt, removed: Number(removed), remaining } };
}
