/**
 * Where a table is in a distributed database:
 *
 * - `zone`: the rows of a zone are on one worker, together with those of all other such tables. Every key of it has its zone
 * - `reference`: whole on every node, for what rows of zones refer to, or what their triggers and functions read. It is
 *   written on all nodes at once, so nobody can while one is away
 * - `local`: on the coordinator alone, which all nodes ask for it: what only operators and background jobs need
 */
export type Placement = 'zone' | 'reference' | 'local';

/**
 * Where each table is, by its name. A new table has a line here; `test/schema/placements.spec.ts` compares, and holds what
 * keeps the schema such that it can be distributed.
 */
export const PLACEMENTS: Readonly<Record<string, Placement>> = {
  access_analyses: 'zone',
  access_uses: 'zone',
  administration: 'local',
  agent_sessions: 'zone',
  approvals: 'local',
  audit_chains: 'zone',
  audit_days_held: 'local',
  audit_events: 'zone',
  audit_heads: 'zone',
  audit_index: 'zone',
  audit_index_heads: 'zone',
  authenticators: 'zone',
  challenge_decisions: 'zone',
  challenge_secrets: 'zone',
  challenges: 'zone',
  checkpoint_cosignatures: 'local',
  checkpoint_exports: 'local',
  checkpoint_keys: 'local',
  checkpoints: 'reference',
  client_secrets: 'zone',
  clients: 'zone',
  confirmation_proofs: 'zone',
  delegation_edges: 'zone',
  delegation_graphs: 'zone',
  enrolments: 'zone',
  evidence_checkpointed: 'zone',
  evidence_heads: 'zone',
  evidence_logs: 'zone',
  evidence_runs: 'zone',
  evidence_tiles: 'zone',
  evidence_turns: 'local',
  federated_identities: 'zone',
  generations: 'zone',
  idempotency_keys: 'zone',
  installation_webhook_zones: 'reference',
  installation_webhooks: 'reference',
  issued_mandates: 'zone',
  key_encryption_keys: 'local',
  ledger_probes: 'local',
  operator_keys: 'local',
  operators: 'local',
  outbound_policies: 'reference',
  policies: 'zone',
  policy_replay_differences: 'zone',
  policy_replays: 'zone',
  policy_set_members: 'zone',
  policy_set_versions: 'zone',
  policy_sets: 'zone',
  policy_versions: 'zone',
  proof_systems: 'zone',
  removals: 'zone',
  resources: 'zone',
  revocation_endings: 'zone',
  revocation_feed: 'zone',
  revocation_notices: 'zone',
  revocation_orders: 'zone',
  revocation_outbox: 'zone',
  revocation_stream: 'reference',
  revocations: 'zone',
  schema_functions: 'reference',
  schema_migrations: 'reference',
  scopes: 'zone',
  sessions: 'zone',
  shadow_differences: 'zone',
  signing_keys: 'zone',
  spent_nonces: 'zone',
  ssf_deliveries: 'zone',
  ssf_outbox: 'zone',
  ssf_polls: 'zone',
  ssf_received: 'zone',
  ssf_streams: 'zone',
  ssf_subjects: 'zone',
  status_blocks: 'zone',
  step_up_attempts: 'zone',
  step_up_types: 'zone',
  tables_by_day: 'local',
  trusted_issuers: 'zone',
  webhook_deliveries: 'zone',
  webhooks: 'zone',
  withdrawn_policies: 'zone',
  zone_checkpoints: 'zone',
  zone_directory: 'reference',
  zone_logos: 'zone',
  zone_receiving_keys: 'local',
  zones: 'zone',
};

/** The column that has the zone in a table of zones. */
export function zoneColumn(table: string): 'id' | 'zone_id' {
  return table === 'zones' ? 'id' : 'zone_id';
}

/** The statement that puts a table where it belongs. @throws {Error} for a table that is none of ours */
export function placing(table: string): string {
  const placement = PLACEMENTS[table];
  switch (placement) {
    case 'zone':
      return `SELECT create_distributed_table('${table}', '${zoneColumn(table)}',
        colocate_with := '${table === 'zones' ? 'none' : 'zones'}')`;
    case 'reference':
      return `SELECT create_reference_table('${table}')`;
    case 'local':
      return `SELECT citus_add_local_table_to_metadata('${table}')`;
    case undefined:
      throw new Error(`nothing says where the table ${table} belongs`);
  }
  return placement satisfies never;
}
