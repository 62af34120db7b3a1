import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

/** What stopping consists of. */
export interface Stoppable {
  /** Seconds between {@link drain} and {@link close}. */
  readonly drainSeconds: number;
  /** Says that no new traffic should come. */
  drain(): void;
  /** Finishes what is under way and lets go of everything. */
  close(): Promise<void>;
}

/** Milliseconds after which the process ends, finished or not. */
const LAST_MS = 9_500;

/** Stops gracefully on SIGTERM and SIGINT. A second signal skips the waiting for traffic to go elsewhere. */
export function stopOnSignal(logger: Logger, parts: Stoppable): void {
  const impatience = new AbortController();
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) {
      impatience.abort();
      return;
    }
    stopping = true;
    logger.info({ signal }, 'stopping');
    setTimeout(() => process.exit(0), LAST_MS).unref();
    void stop(parts, impatience.signal)
      .catch((error: unknown) => logger.error({ err: error }, 'stopping was not clean'))
      .then(() => process.exit(0));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

async function stop(parts: Stoppable, impatience: AbortSignal): Promise<void> {
  parts.drain();
  await sleep(parts.drainSeconds * 1_000, undefined, { signal: impatience }).catch(() => {});
  await parts.close();
}
