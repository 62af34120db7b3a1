import cluster from 'node:cluster';
import type { Logger } from 'pino';
import { prepare, rememberIssuer } from './embedded.js';
import type { Env, RunningEnv } from './platform/config/env.js';
import { mostWorkers, readLogLevelFile } from './platform/config/read-env.js';
import {
  describeEnvFile,
  readEnvironment,
  type Environment,
} from './platform/config/environment.js';
import { hangUp, logLevelOf } from './platform/config/log-level.js';
import { createLogger } from './platform/config/logger.js';
import { affordableWorkers, readMaxConnections } from './platform/database/affordable-workers.js';
import { connectionsOf } from './platform/database/pool-sizes.js';
import { findPooler } from './platform/database/pooler.js';
import { StartPatience } from './platform/database/start-patience.js';
import type { ZoneShardMap } from './platform/database/zone-shards.js';
import { checkPort } from './platform/http/listeners.js';
import { saying } from './platform/progress.js';
import { shareOf } from './platform/workers/share.js';
import { usableCores } from './platform/workers/usable-cores.js';
import { migrate } from './schema/migrate.js';
import { prepareZoneShards, readZoneShards } from './schema/zone-shards.js';
import { Primary } from './primary.js';
import { Shutdown } from './shutdown.js';
import { describeStartFailure } from './start-failure.js';

/**
 * Starts the service, or a worker of it where this process is one. A start that fails says why on standard error, and
 * ends the process with one of `START_EXIT`, with nothing left behind.
 */
export async function start(): Promise<void> {
  const stops: (() => Promise<void>)[] = [];
  try {
    if (cluster.isWorker) {
      const { work } = await import('./worker.js');
      await work();
    } else {
      await startAll(readEnvironment(), (stop) => stops.push(stop));
    }
  } catch (error) {
    const { text, exitCode } = describeStartFailure(error);
    process.stderr.write(`${text}\n`);
    for (const stop of stops) await stop().catch(() => {});
    process.stderr.write('', () => process.exit(exitCode));
  }
}

/** @param onBegun is given how to stop what would outlive this process */
async function startAll(
  { env: environment, file, warnings }: Environment,
  onBegun: (stop: () => Promise<void>) => void,
): Promise<void> {
  const logger = createLogger(environment.logLevel, undefined, environment.logFormat);
  const read = describeEnvFile(file);
  if (read !== null) logger.info(read);
  for (const warning of warnings) logger.warn(warning);
  const shutdown = new Shutdown(logger, environment);
  shutdown.obeySignals();
  // It is what a terminal that is closed sends as well, and then nothing is to be left behind.
  if (!process.stdin.isTTY && !process.stdout.isTTY) {
    process.on('SIGHUP', () => hangUp(logLevelOf(logger), readLogLevelFile));
  }
  await checkPort(environment.port, 'PORT');
  if (environment.internalPort !== undefined) {
    await checkPort(environment.internalPort, 'INTERNAL_PORT');
  }
  const prepared = await prepare(environment, logger);
  const { embedded } = prepared;
  onBegun(prepared.stop);
  shutdown.add(prepared.stop);
  const patience = new StartPatience(environment.startSeconds, (message) => logger.warn(message));
  const { databaseUrl, issuerUrl } = prepared.env;
  const pooler =
    !embedded &&
    (await patience.until(() => findPooler(databaseUrl, environment.limits.connectMs), {
      quick: true,
    }));
  const limits = { ...environment.limits, pooler };
  if (embedded) await tellOfIssuer(prepared.env, logger);
  let zoneShards: ZoneShardMap | null = null;
  const migrated = await saying(logger, 'bringing the tables up to date', () =>
    migrate(databaseUrl, patience, limits, async (connection) => {
      const map = await readZoneShards(connection, databaseUrl);
      if (map === null) return;
      zoneShards = await prepareZoneShards(map, limits.connectMs, (node, error) => {
        logger.warn(
          { err: error, node },
          'a node is away: its zones are not served until it is back',
        );
      });
    }),
  );
  if (migrated.length > 0) logger.info({ migrations: migrated }, 'the schema is up to date now');

  const workers = embedded
    ? (environment.workers ?? 1)
    : await patience.until(() => chooseWorkers(environment, databaseUrl, logger));
  const env = {
    ...prepared.env,
    limits,
    workers,
    zoneShards,
    maxRequestsInFlight: shareOf(environment.maxRequestsInFlight, workers),
  };
  const about = {
    issuer: issuerUrl,
    embedded,
    databaseConnections: connectionsOf(env),
    ...(pooler && { pooler }),
  };
  if (workers > 1) {
    const primary = new Primary({ env, logger, shutdown, introduce: embedded });
    const ports = await saying(logger, `starting ${workers} workers`, () => primary.start());
    logger.info({ ports, ...about, workers }, 'listening');
    return;
  }
  const alone = { primary: null, introduce: embedded, made: !embedded };
  const { ports } = await saying(logger, 'getting ready to answer', async () => {
    // A process that has workers does without all that answers requests.
    const { serve } = await import('./serve.js');
    return serve({ env, logger, patience, shutdown, ...alone });
  });
  logger.info({ ports, ...about }, 'listening');
}

/** Says that mandates are from somebody else than at the start before, as they are where another port was given. */
async function tellOfIssuer({ dataDir, issuerUrl }: RunningEnv, logger: Logger): Promise<void> {
  const before = await rememberIssuer(dataDir, issuerUrl);
  if (before === null) return;
  logger.warn(
    `mandates are from ${issuerUrl} now, and were from ${before}: earlier ones are accepted no longer; ISSUER_URL=${before} keeps them`,
  );
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
