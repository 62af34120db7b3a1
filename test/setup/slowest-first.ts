import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take long wherever they run, by the end of their path: some wait most of the time, others compute. */
const SLOW = [
  'test/issuer/introspection-races.spec.ts',
  'test/ledger/crash.spec.ts',
  'test/authentication/redis.spec.ts',
  'test/process/outage.spec.ts',
  'test/issuer/feed-streams.spec.ts',
  'test/issuer/revoke-outages.spec.ts',
  'src/mandates/verify-mandate.spec.ts',
  'test/conformance/faults.spec.ts',
  'test/policy/activation.spec.ts',
  'test/process/readiness.spec.ts',
  'test/process/workers.spec.ts',
  'test/policy/remembered.spec.ts',
  'test/ledger/lost-answers.spec.ts',
  'test/process/start.spec.ts',
  'test/step-up/confirmations.spec.ts',
  'test/keys/algorithms.spec.ts',
  'test/admin/operators-connections.spec.ts',
  'test/issuer/offline-verifier.spec.ts',
  'test/authentication/strangers.spec.ts',
  'test/delegation/narrowing.spec.ts',
  'test/admin/keys.spec.ts',
  'test/webhooks/revocation-outages.spec.ts',
  'test/docs/readme.spec.ts',
  'src/policy/remembered-decisions.service.spec.ts',
  'test/step-up/crowds.spec.ts',
  'test/process/commands.spec.ts',
  'src/platform/http/overload/request-gate.service.spec.ts',
  'test/house/hosts.spec.ts',
  'test/ledger/first-decisions.spec.ts',
  'test/process/start-patience.spec.ts',
  'test/step-up/persons.spec.ts',
  'test/policy/decisions.spec.ts',
  'test/step-up/exchange.spec.ts',
  'test/process/embedded-postgres.spec.ts',
  'test/issuer/status-list-revocations.spec.ts',
  'test/delegation/remembered-routes.spec.ts',
  'test/process/replicas.spec.ts',
  'test/conformance/command.spec.ts',
  'src/policy/background/background.spec.ts',
  'test/ledger/generations.spec.ts',
  'test/policy/load.spec.ts',
  'src/keys/rotation/rotation.spec.ts',
  'test/bench/bench.spec.ts',
  'test/webhooks/webhooks.spec.ts',
  'test/process/health.spec.ts',
  'test/keys/health.spec.ts',
  'test/process/stop.spec.ts',
  'test/delegation/ledger.spec.ts',
  'test/schema/upgrade.spec.ts',
  'test/policy/heavy.spec.ts',
  'src/policy/engine/evaluate.spec.ts',
  'test/step-up/enrolments.spec.ts',
  'test/sealing/key-encryption-rotation.spec.ts',
  'test/policy/lifecycle.spec.ts',
  'test/policy/failure.spec.ts',
  'test/schema/index-builds.spec.ts',
  'test/admin/removals.spec.ts',
  'test/policy/shadow.spec.ts',
  'test/delegation/delegations.spec.ts',
  'test/ledger/locks.spec.ts',
  'test/ledger/ledger.spec.ts',
  'test/process/start-imports.spec.ts',
  'test/sealing/custody.spec.ts',
  'test/authentication/client-authentication.spec.ts',
  'test/keys/rotation.spec.ts',
];

/** Begins with the files that take longest, so that no core has nothing to do in the end. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = SLOW.findIndex((name) => moduleId.endsWith(name));
      return at === -1 ? SLOW.length : at;
    };
    // oxlint-disable-next-line unicorn/no-array-sort -- this is the sequencer's, not an array's
    const usual = await super.sort(files);
    return usual.toSorted((one, other) => rank(one) - rank(other));
  }
}
