import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { timeLimits } from './time-limits.js';

test('a caller who can run a statement can make the connection for it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 60_000 }), (statementMs) => {
      const limits = timeLimits(statementMs);
      // A round trip is shorter than any statement; a connection with TLS and a password takes six.
      expect(limits.connectMs).toBeGreaterThanOrEqual(6 * statementMs);
      expect(limits.commitMs).toBeGreaterThan(limits.statementMs);
      // Who waits for a lock has to be told before the statement is given up, which costs the connection.
      expect(limits.lockMs).toBeLessThan(limits.statementMs);
      expect(limits.idleMs).toBeGreaterThan(limits.commitMs);
      // The check of the ledger commits and then writes, one after the other.
      expect(limits.checkMs).toBeGreaterThan(limits.commitMs + limits.statementMs);
    }),
  );
});
