import { rows } from '../setup/harness.js';
import type { AuditFilters } from '../../src/audit/audit-filters.js';

/** An event as it was recorded. */
export type Recorded = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly zone_id: string;
  readonly occurred_at: string;
};

/** All events that a database has, the newest first. */
export async function everyEvent(databaseUrl: string): Promise<Recorded[]> {
  const found = await rows<{ event: Recorded }>(
    databaseUrl,
    'SELECT audit_event(a) AS event FROM audit_events a ORDER BY id DESC',
  );
  return found.map(({ event }) => event);
}

/** Whether an event is one that is asked for: said once more, by walking through it, and not by paths. */
export function fits(event: Recorded, filters: AuditFilters): boolean {
  const { from, to, ...terms } = filters;
  const at = micros(event.occurred_at);
  if (from !== undefined && at < micros(from)) return false;
  if (to !== undefined && at >= micros(to)) return false;
  const has = termsIn(event);
  return Object.entries(terms).every(([kind, value]) => has.get(kind)?.has(value ?? '') === true);
}

/** Microseconds, of which an instant may have none. */
function micros(text: string): bigint {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  const whole = BigInt(Date.parse(text.replace(/\.\d+/, ''))) * 1000n;
  return whole + BigInt(fraction.padEnd(6, '0').slice(0, 6));
}

type Json = Readonly<Record<string, unknown>>;
const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function actors(act: unknown): unknown[] {
  const { sub, act: next } = object(act);
  return sub === undefined && next === undefined ? [] : [sub, ...actors(next)];
}

/** What an event is found by, by kind. */
export function termsIn(event: Json): ReadonlyMap<string, ReadonlySet<string>> {
  const mandate = object(event['mandate']);
  const requested = object(event['requested']);
  const delegation = object(event['delegation']);
  const session = object(event['agent_session']);
  const target = object(event['target']);
  const person = object(event['person']);
  const by = object(event['operator_mandate']);
  const after = object(event['after']);
  const about = String(event['type']);
  const terms: Record<string, unknown[]> = {
    type: [event['type']],
    outcome: [event['outcome']],
    request_id: [
      event['request_id'],
      event['request_label'],
      event['trace_id'],
      about.startsWith('challenge.') ? object(event['challenge'])['id'] : undefined,
    ],
    client: [
      event['client_id'],
      event['claimed_client_id'],
      object(event['client'])['id'],
      target['client_id'],
      about.startsWith('admin.client.') ? after['id'] : undefined,
    ],
    subject: [
      object(event['subject'])['sub'],
      mandate['sub'],
      person['sub'],
      person['subject'],
      object(event['session'])['subject'],
      object(target['subject'])['sub'],
      object(event['which'])['subject'],
      by['sub'],
    ],
    actor: [object(event['actor'])['sub'], ...actors(mandate['act'])],
    agent_session: [
      requested['agent_session_id'],
      mandate['agent_session_id'],
      ...list(mandate['delegation_chain']).map((one) => object(one)['agent_session_id']),
      session['id'],
      delegation['source_session_id'],
      delegation['target_session_id'],
      target['agent_session_id'],
    ],
    delegation: [
      requested['delegation_edge_id'],
      ...list(mandate['delegation_path']),
      delegation['id'],
      session['delegation_edge_id'],
      target['delegation_edge_id'],
    ],
    resource: [
      ...list(requested['resources']),
      ...list(mandate['target']),
      mandate['target'],
      object(event['resource'])['identifier'],
      delegation['resource'],
      target['resource'],
      about.startsWith('admin.resource.') ? after['identifier'] : undefined,
    ],
    jti: [
      mandate['jti'],
      object(event['subject'])['jti'],
      object(event['actor'])['jti'],
      object(event['bearer'])['jti'],
      object(event['federated_identity'])['jti'],
      by['jti'],
      object(event['set'])['jti'],
      event['revoked_jti'],
      target['jti'],
    ],
    decision: list(object(event['policy'])['decisions']).map((one) => object(one)['decision']),
    operator: [event['operator'], event['operator_id']],
  };
  return new Map(
    Object.entries(terms).map(([kind, values]) => [
      kind,
      new Set(values.filter((value) => typeof value === 'string')),
    ]),
  );
}
