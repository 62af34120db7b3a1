import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Counter, Gauge } from 'prom-client';
import { ENV, type RunningEnv } from '../../config/env.js';
import { LOGGER } from '../../config/logger.js';
import { shareOf } from '../../workers/share.js';
import { bearerKeyCheck } from '../bearer-key.js';
import { sendError } from '../error-body.js';
import { isOnInternalPort } from '../internal-port.js';
import { sourceOf } from '../source-address.js';
import { networkOf } from '../source-network.js';
import type { Step } from '../steps.js';
import { ArrivingBodies } from './arriving-bodies.js';
import { watchEventLoopDelay } from './event-loop-delay.js';
import { putInFlight } from './in-flight.js';
import { KnownBearers } from './known-bearers.js';
import { laneOf, type Lane } from './lanes.js';
import { IN_FLIGHT, SHED } from './overload.metrics.js';
import { describeOverload, type OverloadReason } from './overloaded.js';
import { Places, type Holder } from './places.js';
import { StartQueue } from './start-queue.js';

/** Long polls that are answered at once, or wait: a few more than may wait (`step-up/challenge-waits.service.ts`). */
const MAX_WAITS = 12_000;
/** Milliseconds between two lines of the log about requests that were given up. */
const TELL_MS = 10_000;

/**
 * Bounds the requests in flight, before anything of their body is read. What is too much is answered 503 at once;
 * the rest begins one request at a time, so that the event loop stays free for those that are under way.
 */
@Injectable()
export class RequestGate implements OnApplicationShutdown {
  private readonly lanes: Readonly<
    Record<Exclude<Lane, 'probes'>, { places: Places; starts: StartQueue }>
  >;
  private readonly bodies: Readonly<Record<'public' | 'internal', ArrivingBodies>>;
  private readonly stopWatching: () => void;
  private readonly operatorsApart: boolean;
  private readonly withinMs: number;
  /** Whether a request bears a key of operators. It costs a hash of what it brings. */
  private readonly bearsKey: (request: IncomingMessage) => boolean;
  private untold = 0;
  private telling: NodeJS.Timeout | undefined;

  constructor(
    @Inject(ENV)
    {
      maxRequestsInFlight: size,
      requestTimeoutMs,
      internalPort,
      adminTokens,
      metricsTokens,
      workers,
    }: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(SHED) private readonly shed: Counter<'reason'>,
    @InjectMetric(IN_FLIGHT) inFlight: Gauge<'lane'>,
    known: KnownBearers,
  ) {
    this.operatorsApart = internalPort !== undefined;
    this.withinMs = requestTimeoutMs;
    const newLane = (places: number) => ({
      places: new Places(places, requestTimeoutMs),
      starts: new StartQueue(),
    });
    const keys = [...adminTokens, ...metricsTokens].map(bearerKeyCheck);
    this.bearsKey = (request) => keys.some((bears) => bears(request)) || known.bears(request);
    this.lanes = {
      work: newLane(size),
      operators: newLane(size),
      keyless: newLane(size),
      waits: newLane(shareOf(MAX_WAITS, workers)),
    };
    const arriving = () => new ArrivingBodies({ bodies: 2 * size, bytes: arrivingBytes(size) });
    this.bodies = { public: arriving(), internal: arriving() };
    this.stopWatching = watchEventLoopDelay((ms) => {
      for (const { places, starts } of [this.lanes.work, this.lanes.keyless]) {
        places.adapt(ms, starts.takePace());
      }
      for (const [name, { places }] of Object.entries(this.lanes)) {
        inFlight.set({ lane: name }, places.inFlight);
      }
      const { public: outside, internal } = this.bodies;
      inFlight.set({ lane: 'arriving' }, outside.count + internal.count);
    });
  }

  onApplicationShutdown(): void {
    this.stopWatching();
    clearTimeout(this.telling);
  }

  /** The step that admits a request, or turns it away. Needs the request id, and comes before the log. */
  readonly admit: Step = (request, response, next) => {
    const internal = isOnInternalPort(request);
    const name = laneOf(
      request,
      internal || !this.operatorsApart,
      () => internal || this.bearsKey(request),
    );
    if (name === 'probes') {
      next();
      return;
    }
    const { places, starts } = this.lanes[name];
    const place = places.place(holderOf(request, name));
    const full = place.take();
    if (full !== null) {
      this.turnAway(request, response, full);
      return;
    }
    const bodies = this.bodies[internal ? 'internal' : 'public'];
    const inFlight = putInFlight(request, {
      place,
      withinMs: this.withinMs,
      bodies,
      count: this.count,
      closeAfterAnswer: () => {
        if (!response.headersSent) response.setHeader('Connection', 'close');
      },
    });
    // Whether it is read is not our work any more; of each connection one answer at most waits for that.
    response.once('prefinish', () => place.giveBack());
    const end = () => {
      request.socket.off('close', end);
      inFlight.end(response.writableFinished ? 'answered' : 'gone');
    };
    response.once('close', end);
    // A response that never gets its turn on the connection emits nothing, even when that is closed.
    request.socket.once('close', end);
    starts.add(() => {
      const { abandoned } = inFlight;
      if (abandoned === null) next();
      else if (abandoned === 'caller_gone') this.count(abandoned);
      else this.turnAway(request, response, abandoned);
      return abandoned !== 'caller_gone';
    });
  };

  private readonly count = (reason: OverloadReason): void => {
    this.shed.inc({ reason });
    this.untold += 1;
    this.telling ??= setTimeout(() => this.tell(), TELL_MS).unref();
  };

  private turnAway(
    request: IncomingMessage,
    response: ServerResponse,
    reason: OverloadReason,
  ): void {
    this.count(reason);
    sendError(request, response, {
      status: 503,
      error: 'temporarily_unavailable',
      description: describeOverload(reason),
      headers: { 'Retry-After': '1' },
    });
  }

  /** One line for many requests: a line for each would be more load. */
  private tell(): void {
    this.logger.warn({ requests: this.untold, seconds: TELL_MS / 1_000 }, 'requests were given up');
    this.untold = 0;
    this.telling = undefined;
  }
}

/** Bytes of bodies that may arrive at once: with few places, too, there is room for the largest (`json-body.ts`). */
function arrivingBytes(places: number): number {
  return Math.max(places * 64 * 1_024, 4 * 1_024 * 1_024);
}

/** Whom a request is counted for before anything of it is proved. */
function holderOf(request: IncomingMessage, lane: Lane): Holder | null {
  // Long polls have a bound for each challenge.
  return lane === 'waits' ? null : ['address', networkOf(sourceOf(request))];
}
