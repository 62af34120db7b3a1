import 'reflect-metadata';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Logger } from 'pino';
import { Demo } from './admin/zones/demo.service.js';
import { AppModule } from './app.module.js';
import { introduce } from './introduction.js';
import { BackgroundWork } from './platform/background-work.js';
import type { RunningEnv } from './platform/config/env.js';
import { nestLogger } from './platform/config/logger.js';
import { zoneShardsOf } from './platform/database/zone-shards.js';
import type { StartPatience } from './platform/database/start-patience.js';
import { Readiness } from './health/readiness.service.js';
import { RequestDurations } from './health/request-durations.js';
import { CompatPaths } from './platform/http/compat-paths.js';
import { DirectRoutes } from './platform/http/direct-routes.js';
import { closingWhile } from './platform/http/connections.js';
import { closeGracefully, listen, type PortVariable } from './platform/http/listeners.js';
import { serveDocs } from './platform/http/openapi.js';
import { markInternal, separateInternalPort } from './platform/http/internal-port.js';
import { PublicRoutes } from './platform/http/public-routes.js';
import { RequestGate } from './platform/http/overload/request-gate.service.js';
import { assignRequestId, setRequestIdHeaders } from './platform/http/request-id.js';
import { logRequests } from './platform/http/request-log.js';
import { findSource } from './platform/http/source-address.js';
import { tracedRequests } from './platform/http/traced-requests.js';
import { startTracing } from './platform/tracing/start-tracing.js';
import { throughSteps } from './platform/http/through-steps.js';
import { atZoneHosts } from './platform/http/zone-hosts.js';
import { ZoneHosts } from './zones/hosts/zone-hosts.service.js';
import type { Link } from './platform/workers/link.js';
import { MADE } from './platform/workers/topics.js';
import { KeyEncryptionKeys } from './sealing/key-encryption-keys.service.js';
import { FeedReaders } from './issuer/feed/feed-readers.service.js';
import { NamedZones } from './issuer/discovery/zone-names.service.js';
import { AuditReaders } from './admin/audit/audit-readers.service.js';
import { ChallengeWaits } from './step-up/challenge-waits.service.js';
import type { Shutdown } from './shutdown.js';

/** The share of the time of requests in flight that the last traces have when all else has stopped. */
const FLUSH_SHARE = 0.5;

/** What a process that answers requests starts with. The database is migrated. */
export interface Start {
  readonly env: RunningEnv;
  readonly logger: Logger;
  readonly patience: StartPatience;
  readonly shutdown: Shutdown;
  /** The process that this one is a worker of; `null` if it is alone. */
  readonly primary: Link | null;
  /** Whether to make the demo zone, and to say how it is used. */
  readonly introduce: boolean;
  /** Whether there is nothing to be made after it listens, here or in another worker. */
  readonly made: boolean;
}

/** What runs. */
export interface Serving {
  /** The public port, and the internal one if there is one. */
  readonly ports: readonly number[];
  readonly background: BackgroundWork;
}

/** Starts answering requests. What it has begun ends with `shutdown`. */
export async function serve(start: Start): Promise<Serving> {
  const { env, logger, patience, shutdown } = start;
  // Before the first connection is made, since each is looked at once.
  const tracing = await startTracing(env.otel, logger);
  if (tracing !== null) shutdown.add(() => tracing.stop(FLUSH_SHARE * shutdown.finishMs));
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot(env, logger, patience, start.primary),
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
  serveDocs(app, env.internalPort === undefined ? null : env.issuerUrl);
  await app.init();
  await patience.until(() => app.get(KeyEncryptionKeys).check());
  const background = app.get(BackgroundWork);
  await background.start();
  // Of several workers one is told to (`primary.ts`).
  if (start.primary === null) background.startJobs();

  const readiness = app.get(Readiness);
  if (start.made) readiness.enter();
  start.primary?.answer(MADE, () => {
    readiness.enter();
    return null;
  });
  const framework: RequestListener = app.getHttpAdapter().getInstance();
  const outside = env.directRoutes ? app.get(DirectRoutes).before(framework) : framework;
  const compat = new CompatPaths(env.compatPaths, env.compatDefaultZone ?? null);
  const traced = tracedRequests();
  const shards = zoneShardsOf(env);
  const steps = [
    findSource(env.trustProxy),
    app.get(RequestDurations).measure,
    ...traced.begin,
    assignRequestId,
    app.get(RequestGate, { strict: false }).admit,
    ...traced.within,
    ...(shards === null
      ? []
      : [
          (request: IncomingMessage, _: ServerResponse, next: () => void) =>
            shards.inRequest(request.url ?? '', next),
        ]),
    logRequests(logger),
    compat.findZones(app.get(NamedZones, { strict: false })),
  ];
  // At the host of a zone there are its own paths alone.
  const everything = atZoneHosts(
    app.get(ZoneHosts, { strict: false }),
    env.trustProxy,
    compat.before(publicRoutesFirst(app, throughSteps(steps, outside, logger))),
  );
  const listening = (
    listener: RequestListener,
    port: number,
    variable: PortVariable,
  ): ReturnType<typeof listen> =>
    listen(
      closingWhile(() => shutdown.stopping, listener),
      port,
      {},
      variable,
    );
  const open = [await listening(everything, env.port, 'PORT')];
  if (env.internalPort !== undefined) {
    const inside = throughSteps([markInternal, ...steps], framework, logger);
    open.push(await listening(inside, env.internalPort, 'INTERNAL_PORT'));
  }
  shutdown.add(async () => {
    readiness.leave();
    // Load balancers need a moment to see that we are not ready any more.
    await shutdown.drained();
    // Not before: who is answered at once would ask again at once, for as long as the drain lasts.
    app.get(ChallengeWaits).release();
    app.get(FeedReaders).release();
    app.get(AuditReaders).release();
    await Promise.all(open.map(({ server }) => closeGracefully(server, shutdown.finishMs)));
  });

  const ports = open.map(({ port }) => port);
  if (start.introduce) {
    await patience.until(() => introduce(app.get(Demo), ports[0] ?? env.port, env));
  }
  if (start.primary === null) readiness.enter();
  return { ports, background };
}

/** Documents that anybody may read are answered early, where the public is. */
function publicRoutesFirst(app: NestExpressApplication, handler: RequestListener): RequestListener {
  const durations = app.get(RequestDurations);
  return app.get(PublicRoutes).before(handler, {
    nameRequest: setRequestIdHeaders,
    answered: (method, route, status, seconds) =>
      durations.observe(method, route, `${Math.trunc(status / 100)}xx`, seconds),
  });
}
