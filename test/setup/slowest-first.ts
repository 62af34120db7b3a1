import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take long wherever they run, by the end of their path: some wait most of the time, others compute. */
const SLOW = [
  'test/process/outage.spec.ts',
  'test/process/workers.spec.ts',
  'test/process/readiness.spec.ts',
  'test/bench/bench.spec.ts',
  'test/process/start.spec.ts',
  'test/process/start-patience.spec.ts',
  'test/webhooks/webhooks.spec.ts',
  'test/process/health.spec.ts',
  'test/keys/health.spec.ts',
  'test/process/stop.spec.ts',
  'test/policy/load.spec.ts',
  'test/process/commands.spec.ts',
  'src/policy/background/background.spec.ts',
  'test/delegation/ledger.spec.ts',
  'test/schema/upgrade.spec.ts',
  'test/policy/heavy.spec.ts',
  'test/process/embedded-postgres.spec.ts',
  'src/policy/engine/evaluate.spec.ts',
  'test/step-up/enrolments.spec.ts',
  'test/sealing/key-encryption-rotation.spec.ts',
  'test/policy/lifecycle.spec.ts',
  'test/policy/failure.spec.ts',
  'test/schema/index-builds.spec.ts',
  'test/admin/removals.spec.ts',
  'test/policy/shadow.spec.ts',
  'test/process/replicas.spec.ts',
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
