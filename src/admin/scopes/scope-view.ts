import type { Scope } from '../../zones/scope.entity.js';

/** A scope as operators are shown it. */
export interface ScopeView {
  readonly id: string;
  /** A scope token (RFC 6749 3.3), unique in the zone. */
  readonly name: string;
  /** What it allows, in words for people who confirm requests; absent where that was not said. */
  readonly description?: string;
  /** The claims of a user that it lets into mandates, as the user's issuer says them. */
  readonly claims: readonly string[];
  /** If not, it is granted for no resource of the zone. */
  readonly active: boolean;
  /** Whether every zone has it: it stays, whatever else is removed. */
  readonly is_system: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** @returns the scope as operators are shown it */
export function toView(row: Scope): ScopeView {
  return {
    id: row.id,
    name: row.name,
    ...(row.description === null ? {} : { description: row.description }),
    claims: row.claims,
    active: row.active,
    is_system: row.isSystem,
    created_at: row.createdAt,
    updated_at: row.updatedAt,
  };
}
