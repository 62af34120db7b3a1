import { register } from 'prom-client';
import { createLogger } from './platform/config/logger.js';
import { DatabaseUnusable, StartPatience } from './platform/database/start-patience.js';
import { Link } from './platform/workers/link.js';
import {
  DO_JOBS,
  FAILED,
  HURRY,
  LEAVING,
  LEVEL,
  LISTENING,
  START,
  STOP,
} from './platform/workers/topics.js';
import { LAST_FIGURES } from './health/worker-figures.js';
import { CustodyUnavailable } from './sealing/key-encryption.js';
import { serve } from './serve.js';
import { Shutdown } from './shutdown.js';
import { describeStartFailure } from './start-failure.js';

/** Milliseconds before the time of the whole is over at which a worker exits: before its primary process does. */
const MARGIN_MS = 750;

/** Runs this process as one of several workers: its primary process (`primary.ts`) tells it what with, and until when. */
export async function work(): Promise<void> {
  const primary = new Link((message) => {
    process.send?.(message, undefined, undefined, () => {});
  });
  process.on('message', (message) => primary.receive(message));
  process.on('disconnect', () => primary.close());
  // A terminal sends it to all processes at once. The primary one decides what follows.
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  const { env, number, introduce, made } = await primary.ask(START, null);
  const logger = createLogger(env.logLevel, number, env.logFormat);
  primary.answer(LEVEL, (level) => {
    logger.level = level;
  });
  const shutdown = new Shutdown(logger, env, MARGIN_MS);
  shutdown.add(async () => {
    await primary.ask(LAST_FIGURES, await register.getMetricsAsJSON());
  });
  primary.answer(STOP, ({ drain }) => shutdown.begin(0, { drain }));
  primary.answer(HURRY, () => shutdown.hurry());
  const leave = async (): Promise<void> => {
    // A service manager sends it to all processes at once: then nothing is different from a signal to the primary one.
    const { drain } = await primary.ask(LEAVING, null).catch(() => ({ drain: false }));
    if (shutdown.stopping) return;
    if (!drain) logger.info('this worker stops, another takes its place');
    shutdown.begin(0, { drain });
  };
  process.on('SIGTERM', () => void leave());
  try {
    const patience = new StartPatience(env.startSeconds, (message) => logger.warn(message));
    const { ports, background } = await serve({
      env,
      logger,
      patience,
      shutdown,
      primary,
      introduce,
      made,
    });
    primary.answer(DO_JOBS, () => background.startJobs());
    primary.tell(LISTENING, ports);
  } catch (error) {
    if (shutdown.stopping) return;
    const passing = error instanceof DatabaseUnusable || error instanceof CustodyUnavailable;
    const { text, exitCode } = describeStartFailure(error);
    await primary.ask(FAILED, { text, passing });
    process.exit(exitCode);
  }
}
