import { expect, test } from 'vitest';
import { summarize } from './statement-summary.js';

test.each([
  ['SELECT "Zone"."id" FROM "zones" "Zone" WHERE "Zone"."name" = \'secret\'', 'SELECT zones'],
  ['SELECT * FROM ledger_record_entries($1, $2)', 'SELECT ledger_record_entries'],
  ["SELECT set_config('mandate.traceparent', $1, true)", 'SELECT set_config'],
  ['  -- why\n  insert INTO clients (id) VALUES ($1)', 'INSERT clients'],
  ['UPDATE webhook_deliveries d SET due_at = now()', 'UPDATE webhook_deliveries'],
  ['DELETE FROM "sessions" WHERE 1 = 1', 'DELETE sessions'],
  ['START TRANSACTION', 'START'],
  ['WITH secret AS (SELECT 1) SELECT 2', 'WITH'],
  ['', 'SQL'],
  ["'; a secret", 'SQL'],
])('%s', (statement, summary) => {
  expect(summarize(statement)).toMatchObject({ summary });
});
