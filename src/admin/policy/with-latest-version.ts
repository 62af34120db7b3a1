import type { Policy } from '../../policy/policy.entity.js';
import type { PolicySet } from '../../policy/policy-set.entity.js';

/** What policies and policy sets are alike in: they have a name, and what they say is in their versions. */
export interface Versioned<Version> {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly latest_version: Version | null;
  readonly created_at: Date;
}

/**
 * Policies or policy sets of one zone with their newest version, in the same order.
 *
 * @param readLatest reads the newest version of each that has one, by the id of what it is a version of
 */
export async function withLatestVersion<Version>(
  rows: readonly (Policy | PolicySet)[],
  readLatest: (zoneId: string, ids: readonly string[]) => Promise<ReadonlyMap<string, Version>>,
): Promise<Versioned<Version>[]> {
  const [first] = rows;
  if (first === undefined) return [];
  const latest = await readLatest(
    first.zoneId,
    rows.map(({ id }) => id),
  );
  return rows.map(({ id, name, description, createdAt }) => ({
    id,
    name,
    ...(description === null ? {} : { description }),
    latest_version: latest.get(id) ?? null,
    created_at: createdAt,
  }));
}

/** The one view of one row. */
export function only<View>([view]: readonly View[]): View {
  if (view === undefined) throw new Error('one row has one view');
  return view;
}
