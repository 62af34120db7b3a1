import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take long wherever they run, by the end of their path: some wait most of the time, others compute. */
const SLOW = [
  'test/process/outage.spec.ts',
  'test/issuer/feed-streams.spec.ts',
  'test/process/readiness.spec.ts',
  'test/process/commands.spec.ts',
  'test/policy/heavy.spec.ts',
  'test/process/start.spec.ts',
  'test/process/health.spec.ts',
  'test/webhooks/webhooks.spec.ts',
  'test/process/start-patience.spec.ts',
  'test/process/workers.spec.ts',
  'test/issuer/ssf-fetch.spec.ts',
  'test/policy/failure.spec.ts',
  'test/audit/search.spec.ts',
  'test/sealing/key-encryption-rotation.spec.ts',
  'test/schema/upgrade.spec.ts',
  'test/policy/load.spec.ts',
  'test/admin/removals.spec.ts',
  'test/ledger/generations.spec.ts',
  'test/keys/health.spec.ts',
  'test/process/background-jobs.spec.ts',
  'test/delegation/ledger.spec.ts',
  'test/issuer/ssf-push.spec.ts',
  'test/docs/openapi-answers.spec.ts',
  'test/policy/shadow.spec.ts',
  'test/process/replicas.spec.ts',
  'test/policy/lifecycle.spec.ts',
  'test/schema/index-builds.spec.ts',
  'test/step-up/enrolments.spec.ts',
  'src/policy/background/background.spec.ts',
  'test/telemetry/tracing.spec.ts',
  'test/process/stop.spec.ts',
  'test/issuer/zone-issuers.spec.ts',
  'test/admin/roles.spec.ts',
  'test/trusted-issuers/federation.spec.ts',
  'test/authentication/redis.spec.ts',
  'test/step-up/confirm-page.spec.ts',
  'test/policy/replays.spec.ts',
  'test/issuer/introspection-races.spec.ts',
  'test/authentication/client-authentication.spec.ts',
  'test/delegation/exchange.spec.ts',
  'test/evidence/checkpoints.spec.ts',
  'test/zone-file/zone-file.spec.ts',
  'test/evidence/exports.spec.ts',
  'test/sealing/custody.spec.ts',
  'test/process/start-imports.spec.ts',
  'test/ledger/wrong-clock.spec.ts',
  'test/issuer/introspection-records.spec.ts',
  'test/authentication/gateway-refusals.spec.ts',
  'test/admin/operators-connections.spec.ts',
  'test/ledger/crash.spec.ts',
  'test/ledger/in-flight.spec.ts',
  'test/issuer/order-crashes.spec.ts',
  'test/webhooks/revocation-outages.spec.ts',
  'test/process/embedded-postgres.spec.ts',
  'test/process/overload.spec.ts',
  'test/step-up/authentication.spec.ts',
  'test/admin/operators.spec.ts',
  'test/issuer/large-status-lists.spec.ts',
  'test/webhooks/revocation-stream.spec.ts',
  'test/keys/rotation.spec.ts',
  'test/audit/stream.spec.ts',
  'test/issuer/status-list-revocations.spec.ts',
  'test/ledger/locks.spec.ts',
  'test/webhooks/installation-webhooks.spec.ts',
  'test/issuer/orders.spec.ts',
  'test/issuer/ssf-receive.spec.ts',
  'test/zone-file/policies.spec.ts',
  'test/conformance/command.spec.ts',
  'test/delegation/narrowing.spec.ts',
  'test/issuer/offline-verifier.spec.ts',
  'test/issuer/status-lists.spec.ts',
  'test/clients/clients.spec.ts',
  'test/evidence/receipts.spec.ts',
  'test/step-up/confirmations.spec.ts',
  'test/delegation/delegations.spec.ts',
  'test/admin/changes.spec.ts',
  'test/ledger/batches.spec.ts',
  'test/token-exchange/no-fault.spec.ts',
  'test/docs/openapi.spec.ts',
  'src/policy/engine/evaluate.spec.ts',
  'test/docs/readme.spec.ts',
  'test/token-exchange/direct.spec.ts',
  'test/conformance/faults.spec.ts',
  'test/ledger/retention.spec.ts',
];

/**
 * One project after the other, since a worker ends when the next file is of another one, with all that it has loaded and
 * the servers' processes that it has started. In each it begins with the files that take longest, so that no core has
 * nothing to do in the end.
 */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = SLOW.findIndex((name) => moduleId.endsWith(name));
      return at === -1 ? SLOW.length : at;
    };
    const place = ({ project }: TestSpecification) => this.ctx.projects.indexOf(project);
    // oxlint-disable-next-line unicorn/no-array-sort -- this is the sequencer's, not an array's
    const usual = await super.sort(files);
    return usual.toSorted((one, other) => place(one) - place(other) || rank(one) - rank(other));
  }
}
