/** A table of which the rows of a zone are sent with it. */
export interface MovedTable {
  readonly name: string;
  /** What is done with a row that is there: what was received of the log in a move that was given up stays. */
  readonly known?: 'stays' | 'replaced';
}

const plain = (...names: readonly string[]): readonly MovedTable[] =>
  names.map((name) => ({ name }));

/**
 * What is sent of a zone beside its own row, in an order in which nothing refers to what comes later: all without which
 * an answer or a proof would be another one.
 */
export const MOVED: readonly MovedTable[] = [
  // Before what goes on in the generation of its name.
  { name: 'generations' },
  ...plain('zone_logos', 'scopes', 'trusted_issuers', 'clients', 'client_secrets'),
  ...plain('federated_identities', 'resources', 'step_up_types', 'signing_keys'),
  ...plain('policies', 'policy_versions', 'policy_sets', 'policy_set_versions'),
  ...plain('policy_set_members', 'withdrawn_policies', 'shadow_differences', 'outbound_policies'),
  ...plain('sessions', 'agent_sessions', 'delegation_edges'),
  ...plain('delegation_graphs', 'challenges', 'challenge_secrets', 'challenge_decisions'),
  ...plain('confirmation_proofs', 'authenticators', 'enrolments', 'proof_systems', 'webhooks'),
  ...plain('revocations', 'revocation_orders', 'revocation_endings'),
  ...plain('revocation_notices', 'revocation_feed'),
  ...plain('status_blocks', 'issued_mandates', 'spent_nonces', 'removals'),
  ...plain('ssf_streams', 'ssf_subjects', 'ssf_received', 'ssf_polls'),
  ...plain('ssf_deliveries', 'ssf_outbox'),
  { name: 'audit_events', known: 'stays' },
  { name: 'audit_heads', known: 'stays' },
  { name: 'audit_chains', known: 'replaced' },
  { name: 'evidence_logs', known: 'replaced' },
  { name: 'evidence_tiles', known: 'replaced' },
  { name: 'evidence_runs', known: 'replaced' },
  { name: 'evidence_heads', known: 'replaced' },
];

/** What has rows of zones, or is named by zones, and is not sent, and why. */
export const LEFT: Readonly<Record<string, string>> = {
  zones: 'is the zone itself, which comes first',
  access_analyses: 'is found again by another analysis of the log, which is sent',
  access_uses: 'goes with access_analyses',
  policy_replays: 'is found again by another replay of the log, which is sent',
  policy_replay_differences: 'goes with policy_replays',
  approvals: 'is of operators of the installation, who decide about changes there',
  idempotency_keys:
    'is of operators of the installation, whose requests do not come to another one',
  audit_index: 'is filled from the log',
  audit_index_heads: 'is filled from the log',
  checkpoint_keys: 'is of the installation, and signs for all its zones',
  zone_receiving_keys: 'is of the installation',
  zone_directory: 'follows from the zone itself',
  administration: 'is of the installation',
  audit_days_held: 'is found again when a day is dropped',
  evidence_checkpointed: 'is in the log of the installation; the last checkpoint is sent by itself',
  zone_checkpoints: 'are leaves of the log of the installation; the last one is sent by itself',
  installation_webhooks: 'is of the installation',
  installation_webhook_zones: 'is of the installation',
  revocation_outbox: 'is sent on by the installation that it happened in',
  webhook_deliveries: 'is delivered by the installation that it happened in, as long as it can',
  step_up_attempts: 'is what attempts are limited by, and comes back within minutes',
};

/** What happens in a zone while its rows are written, as if it was new: it was told of where it happened. */
export const NO_NEWS: readonly string[] = ['revocation_outbox', 'webhook_deliveries'];

/**
 * What the rows of all zones are numbered by. Where a zone is received it is numbered on from where it was: whoever has read as far as
 * a number, such as of the revocation feed, is given what comes later.
 */
export const COUNTERS = [
  'revocation_notices_id_seq',
  'revocation_feed_positions',
  'ssf_deliveries_seq_seq',
  'ssf_outbox_seq_seq',
] as const;
