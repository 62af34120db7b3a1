import type { AuditFilters } from './audit-filters.js';
import type { IdRange } from './id-range.js';

/** A statement with the values of its parameters. */
export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/** Which events a statement is about. */
export interface Sought {
  /** The zones; `null` for all, and what is of none. */
  readonly zones: readonly string[] | null;
  readonly range: IdRange;
  /** When they were recorded. */
  readonly time: Pick<AuditFilters, 'from' | 'to'>;
  /** What they have, as `audit_terms` writes it. */
  readonly terms: readonly string[];
  /** How many at most. */
  readonly limit: number;
}

/** The values of a statement that is being written. */
class Values {
  readonly list: unknown[] = [];

  /** @returns what stands for the value in the statement */
  add(value: unknown, type: string): string {
    this.list.push(value);
    return `$${this.list.length}::${type}`;
  }
}

function write(text: (values: Values) => string): Statement {
  const values = new Values();
  return { text: text(values), values: values.list };
}

/** How many events are not in the index yet, at most: those that are gone with their day count. */
export function countBehind(zones: Sought['zones']): Statement {
  return write(
    (v) => `SELECT coalesce(sum(b.many), 0)::float8 AS behind FROM (${behind(zones, v)}) AS b`,
  );
}

/** The last of the newest entries of the index in a range, if there are as many as the limit. */
export function floorOfIndex({ zones, range, limit }: Sought): Statement {
  return write(
    (v) => `
    SELECT f.id FROM (${newest('audit_index', zones, limit, v, () => within(range, v))}) AS f
     ORDER BY f.id DESC OFFSET ${v.add(limit - 1, 'bigint')} LIMIT 1`,
  );
}

/** Events of the index, each looked at, and of those that are not in it yet; newest first. */
export function walk(sought: Sought, floor: string | null): Statement {
  const { zones, range, time, terms, limit } = sought;
  return write((v) => {
    const indexed = newest('audit_index', zones, limit, v, () => {
      const from = floor ?? range.from;
      return `${within({ ...range, from }, v)} ${at(time, v)} ${has(terms, zones, v)}`;
    });
    return `
    SELECT u.zone_id, u.id FROM ((${indexed}) UNION ALL (${notIndexed(sought, v)})) AS u
     ORDER BY u.id DESC LIMIT ${v.add(limit, 'bigint')}`;
  });
}

/** Events of the index, found by their terms. */
export function lookUp({ zones, range, time, terms, limit }: Sought): Statement {
  return write(
    (v) => `
    SELECT t.zone_id, t.id FROM audit_index t
     WHERE ${within(range, v)} ${at(time, v)} ${has(terms, zones, v)}
       ${zones === null || zones.length === 1 ? '' : `AND t.zone_id = ANY (${v.add(zones, 'uuid[]')})`}
     ORDER BY t.id DESC LIMIT ${v.add(limit, 'bigint')}`,
  );
}

/** The last of the newest events of the log itself in a range, if there are as many as the limit. */
export function floorOfLog({ zones, range, limit }: Sought): Statement {
  return write(
    (v) => `
    SELECT f.id FROM (${newest('audit_events', zones, limit, v, () => within(range, v))}) AS f
     ORDER BY f.id DESC OFFSET ${v.add(limit - 1, 'bigint')} LIMIT 1`,
  );
}

/** Events of the log itself, each looked at. */
export function walkLog(sought: Sought, floor: string | null): Statement {
  const { zones, range, time, terms, limit } = sought;
  return write((v) =>
    newest('audit_events', zones, limit, v, () => {
      const from = floor ?? range.from;
      return `${within({ ...range, from }, v)} ${at(time, v)} ${says(terms, v)}`;
    }),
  );
}

/**
 * Events as they were recorded, the newest first: of those that are named, those that are of the zones and have the terms.
 * Entries of the index have numbers for both, which callers may have chosen something for.
 */
export function readEvents(
  rows: readonly { readonly zone_id: string; readonly id: string }[],
  { zones, terms }: Pick<Sought, 'zones' | 'terms'>,
): Statement {
  return write((v) => {
    const zoneIds = v.add(
      rows.map(({ zone_id: zone }) => zone),
      'uuid[]',
    );
    const ids = v.add(
      rows.map(({ id }) => id),
      'uuid[]',
    );
    return `
    SELECT t.zone_id, t.id, t.writer, t.seq::float8 AS seq, encode(t.hash, 'hex') AS hash,
           encode(t.previous_hash, 'hex') AS previous_hash, coalesce(t.event_text, t.event::text) AS text
      FROM unnest(${zoneIds}, ${ids}) AS x (zone_id, id)
      JOIN audit_events t ON t.zone_id = x.zone_id AND t.id = x.id
     WHERE ${zones === null ? 'true' : `x.zone_id = ANY (${v.add(zones, 'uuid[]')})`} ${says(terms, v)}
     ORDER BY t.id DESC`;
  });
}

/** The chains that have events which are not in the index yet. */
function behind(zones: Sought['zones'], v: Values): string {
  return `
    SELECT c.zone_id, c.writer, coalesce(h.seq, 0) AS done, c.seq AS recorded, c.seq - coalesce(h.seq, 0) AS many
      FROM audit_chains c LEFT JOIN audit_index_heads h ON h.zone_id = c.zone_id AND h.writer = c.writer
     WHERE c.seq > coalesce(h.seq, 0)
       ${zones === null ? '' : `AND c.zone_id = ANY (${v.add(zones, 'uuid[]')})`}`;
}

/**
 * What is not in the index yet: each is looked at, chain by chain. They are found before they are put in order, as otherwise
 * the planner goes through the whole log in that order, in which they seem to be near.
 */
function notIndexed({ zones, range, time, terms, limit }: Sought, v: Values): string {
  return `
    SELECT n.zone_id, n.id FROM (${behind(zones, v)}) AS b CROSS JOIN LATERAL (
      SELECT t.zone_id, t.id FROM audit_events t
       WHERE t.zone_id = b.zone_id AND t.writer = b.writer AND t.seq > b.done AND t.seq <= b.recorded
         AND ${within(range, v)} ${at(time, v)} ${says(terms, v)}
      OFFSET 0) AS n
     ORDER BY n.id DESC LIMIT ${v.add(limit, 'bigint')}`;
}

/**
 * The newest rows of a table. What one zone has is found by the key of the table, zone by zone.
 *
 * @param conditions of a row `t`, written when its values have their turn
 */
function newest(
  table: 'audit_index' | 'audit_events',
  zones: Sought['zones'],
  limit: number,
  v: Values,
  conditions: () => string,
): string {
  const most = v.add(limit, 'bigint');
  const rows = (zone: string) => `
    SELECT t.zone_id, t.id FROM ${table} t WHERE ${zone} ${conditions()} ORDER BY t.id DESC LIMIT ${most}`;
  if (zones?.length === 1) return rows(`t.zone_id = ${v.add(zones[0], 'uuid')} AND`);
  if (zones === null && table === 'audit_index') return rows('');
  const each =
    zones === null
      ? 'SELECT DISTINCT c.zone_id AS id FROM audit_chains c'
      : `SELECT DISTINCT u.id FROM unnest(${v.add(zones, 'uuid[]')}) AS u (id)`;
  return `
    SELECT n.zone_id, n.id FROM (${each}) AS z CROSS JOIN LATERAL (${rows('t.zone_id = z.id AND')}) AS n
     ORDER BY n.id DESC LIMIT ${most}`;
}

function within({ from, below }: IdRange, v: Values): string {
  return `t.id >= ${v.add(from, 'uuid')} AND t.id < ${v.add(below, 'uuid')}`;
}

function at({ from, to }: Sought['time'], v: Values): string {
  return [
    from === undefined ? '' : `AND t.occurred_at >= ${v.add(from, 'timestamptz')}`,
    to === undefined ? '' : `AND t.occurred_at < ${v.add(to, 'timestamptz')}`,
  ].join(' ');
}

/** That an entry of the index has some terms, and is of the zone if there is one. */
function has(terms: readonly string[], zones: Sought['zones'], v: Values): string {
  if (terms.length === 0) return '';
  const all = zones?.length === 1 ? [...terms, `zone:${zones[0]}`] : terms;
  return `AND t.terms @> audit_term_digests(${v.add(all, 'text[]')})`;
}

/** That an event has some terms. */
function says(terms: readonly string[], v: Values): string {
  if (terms.length === 0) return '';
  return `AND audit_terms(audit_event(t)) @> ${v.add(terms, 'text[]')}`;
}
