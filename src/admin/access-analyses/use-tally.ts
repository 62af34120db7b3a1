import type { RecordedDecision } from '../log-scans/recorded-decisions.js';

/** What a client, or a delegation, has used of a resource. */
export interface Use {
  readonly usedBy: 'client' | 'delegation';
  readonly userId: string;
  readonly resource: string;
  /** Empty for the resource itself, whatever the scope. */
  readonly scope: string;
  /** Decisions that let it pass; 0 for a scope that policy would let pass, and that was not used there. */
  readonly count: number;
  /** The last one (RFC 3339); `null` for none. */
  readonly lastAt: string | null;
}

/** A client and a resource that it has used. */
export type Pair = Pick<Use, 'userId' | 'resource'>;

/** Counts uses, by who has used what. */
export class UseTally {
  private readonly uses = new Map<string, Use>();

  /** Counts a decision that let it pass. @param at when it was recorded (RFC 3339) */
  use({ clientId, resource, input, delegations }: RecordedDecision, at: string): void {
    const scopes = ['', ...new Set(textsOf(input.context.requested_scopes))];
    for (const scope of scopes) {
      this.add({ usedBy: 'client', userId: clientId, resource, scope, count: 1, lastAt: at });
      for (const userId of delegations) {
        this.add({ usedBy: 'delegation', userId, resource, scope, count: 1, lastAt: at });
      }
    }
  }

  /** Notes a scope that policy would let pass. */
  allow({ userId, resource }: Pair, scope: string): void {
    this.add({ usedBy: 'client', userId, resource, scope, count: 0, lastAt: null });
  }

  /** All that was counted. */
  found(): readonly Use[] {
    return [...this.uses.values()];
  }

  private add(one: Use): void {
    const name = JSON.stringify([one.usedBy, one.userId, one.resource, one.scope]);
    const before = this.uses.get(name);
    this.uses.set(name, {
      ...one,
      count: (before?.count ?? 0) + one.count,
      lastAt: later(before?.lastAt ?? null, one.lastAt),
    });
  }
}

/** The texts in a list as it was recorded, which anybody may have changed since who may write to the database. */
export function textsOf(recorded: unknown): string[] {
  if (!Array.isArray(recorded)) return [];
  return recorded.filter((each): each is string => typeof each === 'string' && each !== '');
}

/** Names a pair. */
export function pairOf({ userId, resource }: Pair): string {
  return `${userId} ${resource}`;
}

function later(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return one > other ? one : other;
}
