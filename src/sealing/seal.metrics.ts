import { makeCounterProvider } from '@willsoto/nestjs-prometheus';

export const SEAL_FAILURES = 'mandate_seal_failures_total';

/** The kinds of failure to seal or open a value. */
export type SealFailure = 'broken' | 'unknown_key' | 'unavailable';

/** The metrics of sealing. */
export const sealMetrics = [
  makeCounterProvider({
    name: SEAL_FAILURES,
    help:
      'Values that could not be sealed or opened, by operation (seal, open) and reason: broken (edited, ' +
      'swapped, or not the key it was sealed under), unknown_key (sealed under a key-encryption key that ' +
      'this process has not), unavailable (the key-encryption key is out of reach).',
    labelNames: ['operation', 'reason'],
  }),
];
