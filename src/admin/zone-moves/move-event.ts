import type pg from 'pg';
import { appendValues, APPEND } from '../../ledger/ledger-batch.js';
import { writeEntry } from '../../ledger/written-entry.js';
import { newId } from '../../platform/uuid-v7.js';
import { COMMAND_LINE } from '../operators/operator.js';

/** Records a step of a move, in the transaction that makes it. */
export async function recordMove(
  client: pg.Client,
  zoneId: string,
  type: string,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  const event = {
    type: `admin.${type}`,
    outcome: 'done' as const,
    request_id: newId(),
    operator: COMMAND_LINE.name,
    ...details,
  };
  const written = writeEntry({ event_id: newId(), zone_id: zoneId, facts: [], event });
  await client.query(APPEND, appendValues(newId(), written));
}
