import cluster from 'node:cluster';
import type { Logger } from 'pino';
import { prepare } from './embedded.js';
import { mostWorkers, readEnv, readLogLevelFile, type Env } from './platform/config/env.js';
import { hangUp, logLevelOf } from './platform/config/log-level.js';
import { createLogger } from './platform/config/logger.js';
import { affordableWorkers, readMaxConnections } from './platform/database/affordable-workers.js';
import { connectionsOf } from './platform/database/pool-sizes.js';
import { StartPatience } from './platform/database/start-patience.js';
import { shareOf } from './platform/workers/share.js';
import { usableCores } from './platform/workers/usable-cores.js';
import { migrate } from './schema/migrate.js';
import { Primary } from './primary.js';
import { Shutdown } from './shutdown.js';
import { describeStartFailure, WorkersFailed } from './start-failure.js';

/** Starts the service: in this process, or in workers of it. */
async function main(environment: Env): Promise<void> {
  const logger = createLogger(environment.logLevel);
  const shutdown = new Shutdown(logger, environment);
  shutdown.obeySignals();
  // It is what a terminal that is closed sends as well, and then nothing is to be left behind.
  if (!process.stdin.isTTY && !process.stdout.isTTY) {
    process.on('SIGHUP', () => hangUp(logLevelOf(logger), readLogLevelFile));
  }
  const prepared = await prepare(environment, logger);
  const { embedded } = prepared;
  shutdown.add(prepared.stop);
  const patience = new StartPatience(environment.startSeconds, (message) => logger.warn(message));
  const { databaseUrl, limits, issuerUrl } = prepared.env;
  const migrated = await migrate(databaseUrl, patience, limits);
  if (migrated.length > 0) logger.info({ migrations: migrated }, 'the schema is up to date now');

  const workers = embedded
    ? (environment.workers ?? 1)
    : await patience.until(() => chooseWorkers(environment, databaseUrl, logger));
  const env = {
    ...prepared.env,
    workers,
    maxRequestsInFlight: shareOf(environment.maxRequestsInFlight, workers),
  };
  const about = { issuer: issuerUrl, embedded, databaseConnections: connectionsOf(env) };
  if (workers > 1) {
    const ports = await new Primary({ env, logger, shutdown, introduce: embedded }).start();
    logger.info({ ports, ...about, workers }, 'listening');
    return;
  }
  // A process that has workers does without all that answers requests.
  const { serve } = await import('./serve.js');
  const alone = { primary: null, introduce: embedded, made: !embedded };
  const { ports } = await serve({ env, logger, patience, shutdown, ...alone });
  logger.info({ ports, ...about }, 'listening');
}

/** As many workers as there are cores to use, or as there are connections for if these are fewer. */
async function chooseWorkers(given: Env, databaseUrl: string, logger: Logger): Promise<number> {
  const { connections, limits } = given;
  const cores = Math.min(usableCores(), mostWorkers(given.maxRequestsInFlight));
  const wanted = given.workers ?? cores;
  if (connections === undefined && (wanted === 1 || given.workers !== undefined)) return wanted;
  const maxConnections = await readMaxConnections(databaseUrl, limits.connectMs);
  if (connections !== undefined && connections > maxConnections) {
    logger.warn(
      { connections, maxConnections },
      'DATABASE_POOL_SIZE is more than max_connections of the database',
    );
  }
  if (given.workers !== undefined) return given.workers;
  const workers = affordableWorkers(cores, connections, maxConnections);
  if (workers < cores) {
    logger.warn(
      { cores, workers },
      `fewer workers than cores: ${connections === undefined ? 'max_connections of the database' : 'DATABASE_POOL_SIZE'} is too low`,
    );
  }
  return workers;
}

try {
  if (cluster.isWorker) {
    const { work } = await import('./worker.js');
    await work();
  } else {
    await main(readEnv());
  }
} catch (error) {
  const code = error instanceof WorkersFailed ? error.exitCode : 1;
  process.stderr.write(`${describeStartFailure(error)}\n`, () => process.exit(code));
}
