/**
 * What an event can be found by: the kinds of terms that it has. Where in an event the terms of each kind are is in
 * `audit_term_places` (terms.sql).
 */
export const TERM_KINDS = [
  'type',
  'client',
  'subject',
  'actor',
  'agent_session',
  'delegation',
  'resource',
  'jti',
  'decision',
  'outcome',
  'request_id',
  'operator',
] as const;

/** One of {@link TERM_KINDS}. */
export type TermKind = (typeof TERM_KINDS)[number];

/** What events are asked for: those that have all of these. */
export interface AuditFilters extends Readonly<Partial<Record<TermKind, string>>> {
  /** Recorded then or later, as RFC 3339. */
  readonly from?: string;
  /** Recorded before then, as RFC 3339. */
  readonly to?: string;
}

/** In which zones events are looked for: in these, or, if it is `null`, in all of them and in what is of no zone. */
export interface AuditScope {
  readonly zones: readonly string[] | null;
}

/** The terms that an event has to have, as `audit_terms` writes them. */
export function termsOf(filters: AuditFilters): string[] {
  return TERM_KINDS.flatMap((kind) => {
    const value = filters[kind];
    return value === undefined ? [] : [`${kind}:${value}`];
  });
}
