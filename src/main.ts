import 'reflect-metadata';
import type { RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Demo } from './admin/zones/demo.service.js';
import { AppModule } from './app.module.js';
import { BackgroundWork } from './platform/background-work.js';
import { InvalidEnvironment, readEnv, type Env } from './platform/config/env.js';
import { createLogger, nestLogger } from './platform/config/logger.js';
import { DataDirectoryInUse } from './platform/database/embedded-lock.js';
import { DatabaseUnusable, StartPatience } from './platform/database/start-patience.js';
import { migrate, UnsupportedDatabase } from './schema/migrate.js';
import { prepare } from './embedded.js';
import { Lifecycle } from './health/lifecycle.js';
import { RequestDurations } from './health/request-durations.js';
import { DirectRoutes } from './platform/http/direct-routes.js';
import { closeGracefully, listen } from './platform/http/listeners.js';
import { serveDocs } from './platform/http/openapi.js';
import { markInternal, separateInternalPort } from './platform/http/internal-port.js';
import { RequestGate } from './platform/http/overload/request-gate.service.js';
import { assignRequestId, setRequestIdHeaders } from './platform/http/request-id.js';
import { logRequests } from './platform/http/request-log.js';
import { findSource } from './platform/http/source-address.js';
import { throughSteps } from './platform/http/through-steps.js';
import { KeyEncryptionKeys, WrongKeyEncryptionKey } from './sealing/key-encryption-keys.service.js';
import { CustodyUnavailable } from './sealing/key-encryption.js';
import { answerKeySets } from './keys/publishing/key-set-listener.js';
import { KeySets } from './keys/publishing/key-sets.service.js';
import { ChallengeWaits } from './step-up/challenge-waits.service.js';
import { Shutdown } from './shutdown.js';

async function main(environment: Env): Promise<void> {
  const logger = createLogger(environment.logLevel);
  const shutdown = new Shutdown(logger, environment.stopSeconds);
  const { env, embedded, stop } = await prepare(environment, logger);
  shutdown.add(stop);
  const patience = new StartPatience(env.startSeconds, (message) => logger.warn(message));
  const migrated = await migrate(env.databaseUrl, patience, env.limits);
  if (migrated.length > 0) logger.info({ migrations: migrated }, 'the schema is up to date now');

  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot(env, logger, patience),
    {
      bodyParser: false,
      logger: nestLogger(logger),
      abortOnError: false,
    },
  );
  shutdown.add(() => app.close());
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(separateInternalPort(env.internalPort !== undefined));
  serveDocs(app);
  await app.init();
  await patience.until(() => app.get(KeyEncryptionKeys).check());
  await app.get(BackgroundWork).start();

  const framework: RequestListener = app.getHttpAdapter().getInstance();
  const outside = env.directRoutes ? app.get(DirectRoutes).before(framework) : framework;
  const steps = [
    findSource(env.trustProxy),
    app.get(RequestDurations).measure,
    assignRequestId,
    app.get(RequestGate, { strict: false }).admit,
    logRequests(logger),
  ];
  const open = [await listen(keySetsFirst(app, throughSteps(steps, outside, logger)), env.port)];
  if (env.internalPort !== undefined) {
    open.push(
      await listen(throughSteps([markInternal, ...steps], framework, logger), env.internalPort),
    );
  }
  shutdown.add(async (abort) => {
    app.get(Lifecycle).beginStop();
    app.get(ChallengeWaits).release();
    // Load balancers need a moment to see that we are not ready any more.
    await sleep(env.drainSeconds * 1_000, undefined, { signal: abort }).catch(() => {});
    await Promise.all(open.map(({ server }) => closeGracefully(server, shutdown.finishMs)));
  });

  const ports = open.map(({ port }) => port);
  if (embedded) await patience.until(() => introduce(app.get(Demo), ports[0] ?? env.port));
  logger.info({ ports, issuer: env.issuerUrl, embedded }, 'listening');
}

/** Key sets are public, so they are answered early only where the public is. */
function keySetsFirst(app: NestExpressApplication, handler: RequestListener): RequestListener {
  const keySets = app.get(KeySets);
  const durations = app.get(RequestDurations);
  return answerKeySets(
    {
      ready: (zoneId) => keySets.ready(zoneId),
      nameRequest: setRequestIdHeaders,
      answered: (method, route, status, seconds) =>
        durations.observe(method, route, `${Math.trunc(status / 100)}xx`, seconds),
    },
    handler,
  );
}

/** Prints the command for a first mandate, for a person at a terminal. */
async function introduce(demo: Demo, port: number): Promise<void> {
  const curlConfig = await demo.prepare();
  if (curlConfig === null) return;
  process.stdout.write(
    `\nMandate is up. Get a first mandate with:\n\n  curl -sK '${curlConfig}' http://localhost:${port}/oauth/2/token\n\n`,
  );
}

try {
  await main(readEnv());
} catch (error) {
  // These are about how the process was started, so the stack is left out.
  const known = [
    InvalidEnvironment,
    DataDirectoryInUse,
    DatabaseUnusable,
    UnsupportedDatabase,
    WrongKeyEncryptionKey,
  ].some((type) => error instanceof type);
  const told = error instanceof Error ? (known ? error.message : error.stack) : String(error);
  const text = error instanceof CustodyUnavailable ? error.detail : told;
  process.stderr.write(`${text}\n`, () => process.exit(1));
}
