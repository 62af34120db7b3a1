import type { Logger } from 'pino';

/** Milliseconds after which work that goes on is spoken of. */
const QUIET_MS = 1_000;
/** Milliseconds after which it is spoken of again. */
const AGAIN_MS = 5_000;

/**
 * Does something that may take long, and says so in the log as long as it does: nobody is to look at a start that says
 * nothing. What takes less than a second is not spoken of.
 *
 * @param what such as `making the database`
 */
export async function saying<T>(
  logger: Pick<Logger, 'info'>,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const since = performance.now();
  const seconds = (): number => Math.round((performance.now() - since) / 100) / 10;
  let again: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    logger.info(`${what} …`);
    again = setInterval(() => logger.info({ seconds: seconds() }, `still ${what} …`), AGAIN_MS);
  }, QUIET_MS);
  try {
    const result = await work();
    if (again !== undefined) logger.info({ seconds: seconds() }, `${what}: done`);
    return result;
  } finally {
    clearTimeout(first);
    clearInterval(again);
  }
}
