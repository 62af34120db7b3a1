import pg from 'pg';
import { expect } from 'vitest';
import type { AuditRow } from './harness.js';
import type { Answer } from './zone.js';

/** Looks at what a server has written, on one connection for a whole test file. */
export interface LedgerView {
  /** The audit events of each request. */
  audit(requestIds: readonly string[]): Promise<ReadonlyMap<string, readonly AuditRow[]>>;
  /** How many sessions and mandates there are, in one zone or in all: what may not grow by a denial. */
  created(zoneId?: string): Promise<{ readonly sessions: number; readonly mandates: number }>;
  query<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

/** Opens a view on a database. */
export async function openLedgerView(databaseUrl: string): Promise<LedgerView> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', () => {});
  await client.connect();
  const query = async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
    (await client.query<T>(text, values)).rows;
  return {
    query,
    close: () => client.end(),
    async audit(requestIds) {
      const found = await query<AuditRow & { request_id: string }>(
        `SELECT request_id, zone_id, outcome, client_id, jti, audit_event(a) AS event FROM audit_events a
          WHERE request_id = ANY($1) ORDER BY id`,
        [[...requestIds]],
      );
      return new Map(
        requestIds.map((id) => [id, found.filter(({ request_id }) => request_id === id)]),
      );
    },
    async created(zoneId) {
      const [counts] = await query<{ sessions: string; mandates: string }>(
        `SELECT (SELECT count(*) FROM sessions WHERE zone_id = coalesce($1, zone_id)) AS sessions,
                (SELECT count(*) FROM audit_events
                  WHERE outcome = 'issued' AND zone_id = coalesce($1, zone_id)) AS mandates`,
        [zoneId ?? null],
      );
      return { sessions: Number(counts?.sessions), mandates: Number(counts?.mandates) };
    },
  };
}

/** What a refusal must look like. */
export interface Refusal {
  readonly status: number;
  readonly error: string;
  /** The public text, where it matters. */
  readonly description?: string | RegExp;
  /** What the reason in the audit log says. */
  readonly reason?: string | RegExp;
}

/**
 * Expects a refusal in full: status, body, headers, and exactly one audit event that says the same
 * error and a reason, and is filed under the same request id.
 */
export async function expectRefused(
  view: LedgerView,
  answer: Answer,
  refusal: Refusal,
): Promise<void> {
  const description = refusal.description ?? /./;
  expect({ status: answer.status, body: answer.body }).toEqual({
    status: refusal.status,
    body: {
      error: refusal.error,
      error_description:
        typeof description === 'string' ? description : expect.stringMatching(description),
      requestId: answer.requestId,
    },
  });
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const events = (await view.audit([answer.requestId])).get(answer.requestId) ?? [];
  const reason = refusal.reason ?? /./;
  expect(events.map(({ outcome, jti, event }) => ({ outcome, jti, event }))).toEqual([
    {
      outcome: 'denied',
      jti: null,
      event: expect.objectContaining({
        error: refusal.error,
        reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
        request_id: answer.requestId,
      }),
    },
  ]);
}
