/** Series of Prometheus by name, in the notation of promtool: a value each minute. */
export type Series = Readonly<Record<string, string>>;

/** When an alert fires, and when it does not. */
export interface AlertCase {
  /** What is so when it fires. */
  readonly fires: Series;
  /** Minutes after which it does. */
  readonly after: number;
  /** Minutes after which it does not yet, of the same series: those of its `for`. */
  readonly notBefore?: number;
  /** What is so when it does not, at the same moment. The closer to the other the better. */
  readonly quiet: readonly Series[];
}

const exchanges = (outcome: string) => `mandate_exchanges_total{job="m",outcome="${outcome}"}`;
const decisions = (decision: string) =>
  `mandate_policy_decisions_total{job="m",decision="${decision}"}`;
const check = (name: string) => `mandate_check_failing{job="m",instance="a",check="${name}"}`;
const bucket = (name: string, le: string, more = '') => `${name}_bucket{job="m",le="${le}"${more}}`;
const answers = (status: string, route: string) =>
  `mandate_http_request_seconds_count{job="m",status="${status}",route="${route}"}`;
const shed = (reason: string) => `mandate_requests_shed_total{job="m",reason="${reason}"}`;

/** Two buckets of a histogram: how many a minute were faster than `le`, and how many there were. */
const latency = (name: string, le: string, fast: number, all: number, more = ''): Series => ({
  [bucket(name, le, more)]: `0+${fast}x60`,
  [bucket(name, '5', more)]: `0+${all}x60`,
  [bucket(name, '+Inf', more)]: `0+${all}x60`,
});

/** One that goes on counting, and one that has counted long ago. A first event makes the series. */
const counted = (series: string, minutes = 10): Pick<AlertCase, 'fires' | 'quiet' | 'after'> => ({
  fires: { [series]: '_x60 1x5' },
  after: 62,
  quiet: [{ [series]: '1x120' }, { [series]: `_x${Math.max(0, 55 - minutes)} 1x120` }],
});

const TOKEN = ',method="POST",route="/oauth/2/token"';

/** Each alert of deploy/prometheus/rules.yaml. */
export const CASES: Readonly<Record<string, AlertCase>> = {
  MandateDown: {
    fires: { 'mandate_build_info{job="m"}': '1x5 stale' },
    after: 15,
    notBefore: 7,
    quiet: [{ 'mandate_build_info{job="m"}': '1x30' }],
  },
  MandateNotReady: {
    fires: { [check('database')]: '0x5 1x30' },
    after: 9,
    notBefore: 7,
    quiet: [
      { [check('database')]: '0x30' },
      // A check that fails once is not a minute of it.
      { [check('database')]: '0x5 1 0x30' },
      // There are other alerts for these.
      { [check('ledger')]: '1x30', [check('clock')]: '1x30' },
    ],
  },
  MandateErrors: {
    fires: { [exchanges('issued')]: '0+98x60', [exchanges('server_error')]: '0+2x60' },
    after: 12,
    notBefore: 4,
    quiet: [
      { [exchanges('issued')]: '0+995x60', [exchanges('temporarily_unavailable')]: '0+5x60' },
      // Refusals are no errors of the server.
      { [exchanges('issued')]: '0+10x60', [exchanges('access_denied')]: '0+90x60' },
    ],
  },
  MandateHttpErrors: {
    fires: { [answers('2xx', '/x')]: '0+90x60', [answers('5xx', '/x')]: '0+10x60' },
    after: 12,
    quiet: [
      { [answers('2xx', '/x')]: '0+97x60', [answers('5xx', '/x')]: '0+3x60' },
      { [answers('2xx', '/x')]: '0+10x60', [answers('5xx', '/ready')]: '0+60x60' },
    ],
  },
  MandateSlow: {
    fires: latency('mandate_http_request_seconds', '0.5', 95, 100, TOKEN),
    after: 20,
    notBefore: 9,
    quiet: [
      latency('mandate_http_request_seconds', '0.5', 100, 100, TOKEN),
      // A long poll may be long.
      latency('mandate_http_request_seconds', '0.5', 5, 100, ',method="GET",route="/step-up/:id"'),
    ],
  },
  MandateShedding: {
    fires: { [shed('requests')]: '0+1x60' },
    after: 12,
    notBefore: 5,
    quiet: [{ [shed('caller_gone')]: '0+9x60' }, { [shed('zone')]: '7x60' }],
  },
  MandateEventLoopBlocked: {
    fires: {
      'nodejs_eventloop_lag_p99_seconds{job="m",instance="a"}': '0.4x60',
      'mandate_build_info{job="m",instance="a"}': '1x60',
    },
    after: 12,
    notBefore: 9,
    quiet: [
      {
        'nodejs_eventloop_lag_p99_seconds{job="m",instance="a"}': '0.02x60',
        'mandate_build_info{job="m",instance="a"}': '1x60',
      },
      // Another program of Node.js is not ours.
      {
        'nodejs_eventloop_lag_p99_seconds{job="other",instance="b"}': '0.4x60',
        'mandate_build_info{job="m",instance="a"}': '1x60',
      },
    ],
  },
  MandateDenials: {
    fires: { [decisions('allow')]: '0+60x90', [decisions('deny')]: '0+90x90' },
    after: 40,
    notBefore: 14,
    quiet: [
      { [decisions('allow')]: '0+90x90', [decisions('deny')]: '0+60x90' },
      // Three a minute are no trend.
      { [decisions('allow')]: '0+1x90', [decisions('deny')]: '0+2x90' },
    ],
  },
  MandatePolicyUnusable: counted('mandate_policy_failures_total{job="m",kind="hash"}'),
  MandateDecisionDiffers: counted(
    'mandate_policy_remembered_checks_total{job="m",result="different"}',
  ),
  MandateUnrecordedDenials: {
    fires: { 'mandate_unrecorded_denials_total{job="m",bound="zone"}': '0+5x60' },
    after: 5,
    quiet: [{ 'mandate_unrecorded_denials_total{job="m",bound="zone"}': '9x60' }],
  },
  MandateStepUpWaiting: {
    fires: {
      'mandate_step_up_waiting_requests{job="m",instance="a"}': '150x60',
      'mandate_step_up_waiting_requests{job="m",instance="b"}': '60x60',
    },
    after: 16,
    notBefore: 14,
    quiet: [{ 'mandate_step_up_waiting_requests{job="m",instance="a"}': '150x60' }],
  },
  MandateLedgerFailing: {
    fires: { [check('ledger')]: '0x5 1x30' },
    after: 8,
    notBefore: 5,
    quiet: [{ [check('ledger')]: '0x30' }, { [check('database')]: '1x30' }],
  },
  MandateLedgerSlow: {
    fires: latency('mandate_ledger_commit_seconds', '0.25', 90, 100),
    after: 12,
    notBefore: 4,
    quiet: [latency('mandate_ledger_commit_seconds', '0.25', 100, 100)],
  },
  MandateChainBroken: {
    fires: { 'mandate_ledger_chain_breaks_total{job="m",instance="a"}': '0x5 1x30' },
    after: 7,
    quiet: [{ 'mandate_ledger_chain_breaks_total{job="m",instance="a"}': '0x30' }],
  },
  MandateCheckpointsBehind: {
    fires: { 'mandate_audit_checkpoint_lag_seconds{job="m",instance="a"}': '301x30' },
    after: 7,
    notBefore: 4,
    quiet: [{ 'mandate_audit_checkpoint_lag_seconds{job="m",instance="a"}': '299x30' }],
  },
  MandateCheckpointExportBehind: {
    fires: { 'mandate_checkpoint_export_lag_seconds{job="m",instance="a",place="s3"}': '601x30' },
    after: 7,
    notBefore: 4,
    quiet: [{ 'mandate_checkpoint_export_lag_seconds{job="m",instance="a",place="s3"}': '599x30' }],
  },
  MandateCheckpointFork: {
    fires: { 'mandate_checkpoint_fork{job="m",instance="a",place="s3"}': '0x5 1x30' },
    after: 7,
    quiet: [{ 'mandate_checkpoint_fork{job="m",instance="a",place="s3"}': '0x30' }],
  },
  MandateDatabasePoolWaiting: {
    fires: { 'mandate_database_pool_connections{job="m",instance="a",state="waiting"}': '3x30' },
    after: 3,
    notBefore: 0,
    quiet: [
      { 'mandate_database_pool_connections{job="m",instance="a",state="waiting"}': '3 0 3 0 3 0' },
      { 'mandate_database_pool_connections{job="m",instance="a",state="idle"}': '9x30' },
    ],
  },
  MandateZonesUnreadable: counted('mandate_snapshot_loads_total{job="m",result="failed"}'),
  MandateZonesDoNotFit: {
    fires: { 'mandate_snapshot_loads_total{job="m",result="loaded"}': '0+4000x60' },
    after: 14,
    notBefore: 9,
    quiet: [{ 'mandate_snapshot_loads_total{job="m",result="loaded"}': '0+2000x60' }],
  },
  MandateSigningKeyOld: {
    fires: { 'mandate_signing_key_age_seconds{job="m",alg="ES256"}': '3110400x90' },
    after: 62,
    notBefore: 59,
    quiet: [{ 'mandate_signing_key_age_seconds{job="m",alg="ES256"}': '2592000x90' }],
  },
  MandateSealFailing: counted(
    'mandate_seal_failures_total{job="m",operation="open",reason="broken"}',
  ),
  MandateClockSkew: {
    fires: { 'mandate_clock_skew_seconds{job="m",instance="a"}': '3x30' },
    after: 6,
    notBefore: 4,
    quiet: [{ 'mandate_clock_skew_seconds{job="m",instance="a"}': '0.4x30' }],
  },
  MandateFeedBehind: {
    fires: { 'mandate_revocation_feed_oldest_seconds{job="m"}': '0x5 40+60x10' },
    after: 8,
    notBefore: 6,
    quiet: [{ 'mandate_revocation_feed_oldest_seconds{job="m"}': '2x30' }, {}],
  },
  MandateStatusListsFailing: {
    fires: { 'mandate_status_lists_made_total{job="m",result="failed"}': '0+2x30' },
    after: 8,
    notBefore: 4,
    quiet: [{ 'mandate_status_lists_made_total{job="m",result="made"}': '0+9x30' }],
  },
  MandateRevocationStreamBehind: {
    fires: { 'mandate_revocation_stream_oldest_seconds{job="m"}': '0x5 70+60x10' },
    after: 8,
    notBefore: 6,
    quiet: [{ 'mandate_revocation_stream_oldest_seconds{job="m"}': '20x30' }, {}],
  },
  MandateRevocationStreamGivenUp: {
    fires: { 'mandate_revocation_stream_entries_total{job="m",result="given_up"}': '_x60 1x5' },
    after: 62,
    quiet: [{ 'mandate_revocation_stream_entries_total{job="m",result="given_up"}': '1x120' }],
  },
  MandateWebhooksBehind: {
    fires: { 'mandate_webhook_oldest_seconds{job="m"}': '700+60x10' },
    after: 2,
    notBefore: 0,
    quiet: [{ 'mandate_webhook_oldest_seconds{job="m"}': '400x10' }],
  },
  MandateWebhookGivenUp: {
    fires: { 'mandate_webhook_deliveries_total{job="m",result="dead"}': '_x60 1x5' },
    after: 62,
    quiet: [{ 'mandate_webhook_deliveries_total{job="m",result="dead"}': '1x120' }],
  },
  MandateSignalsBehind: {
    fires: { 'mandate_ssf_oldest_seconds{job="m"}': '700+60x10' },
    after: 2,
    notBefore: 0,
    quiet: [{ 'mandate_ssf_oldest_seconds{job="m"}': '400x10' }],
  },
  MandateSignalsStopped: {
    fires: { 'mandate_ssf_streams_stopped{job="m"}': '1x30' },
    after: 6,
    notBefore: 4,
    quiet: [{ 'mandate_ssf_streams_stopped{job="m"}': '0x30' }],
  },
  MandateSignalsNotFetched: {
    fires: { 'mandate_ssf_polls_total{job="m",result="failed"}': '0+3x60' },
    after: 20,
    notBefore: 14,
    quiet: [
      {
        'mandate_ssf_polls_total{job="m",result="failed"}': '0+3x60',
        'mandate_ssf_polls_total{job="m",result="answered"}': '0+1x60',
      },
    ],
  },
  MandateAuditIndexBehind: {
    fires: { 'mandate_audit_index_lag_seconds{job="m"}': '200x20' },
    after: 7,
    notBefore: 3,
    quiet: [{ 'mandate_audit_index_lag_seconds{job="m"}': '60x20' }],
  },
  MandateReviewWaiting: {
    fires: { 'mandate_review_oldest_seconds{job="m"}': '700000x90' },
    after: 65,
    notBefore: 50,
    quiet: [{ 'mandate_review_oldest_seconds{job="m"}': '500000x90' }],
  },
  MandateOperatorKeyFromElsewhere: {
    fires: { 'mandate_operator_keys_from_elsewhere_total{job="m"}': '0 0 5x20' },
    after: 5,
    quiet: [{ 'mandate_operator_keys_from_elsewhere_total{job="m"}': '3x20' }],
  },
};
