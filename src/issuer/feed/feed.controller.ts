import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import {
  EndpointCallers,
  type EndpointCaller,
} from '../../authentication/endpoint-callers.service.js';
import { subjectKey } from '../../mandates/generations.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { OAuthError } from '../../oauth/errors.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import {
  Answers,
  ApiBasicAuth,
  ApiBearerAuth,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import { EVENT_STREAM } from '../../platform/http/openapi-schemas.js';
import { inFlightOf } from '../../platform/http/overload/in-flight.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';
import { revocationBounds } from '../revocation-bounds.js';
import { feedKey } from './feed-key.js';
import { viewOf, type FeedItemView } from './feed-item.js';
import { FeedReaders } from './feed-readers.service.js';
import { readFeedRequest, waitOf } from './feed-request.js';
import { streamFeed } from './feed-stream.js';
import { FeedReads } from './feed-reads.service.js';
import { FeedWatch } from './feed-watch.service.js';

/** What a reader gets at once. */
interface FeedView {
  /** In the order in which it was taken back. */
  readonly items: readonly FeedItemView[];
  /** The cursor to go on from: `after`. */
  readonly next: string;
}

/** The revocation feed of a zone: what was taken back, for those who verify its mandates offline. */
@ApiTags('verifiers')
@Controller('zones/:zone/revocations')
export class FeedController {
  constructor(
    private readonly callers: EndpointCallers,
    private readonly readers: FeedReaders,
    private readonly reads: FeedReads,
    private readonly watch: FeedWatch,
    private readonly snapshots: Snapshots,
    @Inject(CLOCK) private readonly clock: Clock,
    endpoints: EndpointMetadata,
    @Inject(ENV) env: Pick<RunningEnv, 'statusListSeconds'>,
  ) {
    endpoints.add({
      urls: { mandate_revocation_feed: '/revocations' },
      members: { mandate_revocation_bound_seconds: revocationBounds(env) },
    });
  }

  @Get()
  @AnswerWithin((request, usualMs) => usualMs + waitOf(request) * 1_000)
  @ApiOperation({ summary: 'What was taken back, at once, when something is, or as a stream' })
  @ApiParam({ name: 'zone', type: String })
  @ApiQuery({
    name: 'after',
    required: false,
    type: String,
    description: 'A cursor; without it from the beginning',
  })
  @ApiQuery({
    name: 'wait',
    required: false,
    schema: { type: 'integer', minimum: 0, maximum: 25 },
    description: 'Seconds to wait at most',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'A cursor; of a stream only' })
  @ApiBasicAuth('client')
  @ApiBearerAuth('mandate')
  @ApiOkResponse({
    description: 'Items, and the cursor to go on from; with `Accept: text/event-stream` events',
    content: { 'text/event-stream': { schema: EVENT_STREAM } },
  })
  @ApiResponse({
    status: 403,
    description: 'The client has no resource whose mandates it verifies',
  })
  @ApiResponse({ status: 410, description: 'The cursor is too old: begin without one' })
  @Answers<FeedView>()
  async read(
    @Param('zone') zoneInPath: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { cursor, waitSeconds, asStream } = readFeedRequest(request);
    const caller = await this.callers.identify(request, { zoneInPath, body: 'none' });
    const { zone, client } = caller;
    expectVerifier(zone, client.id);
    const { zoneId } = zone;
    const after = this.readers.positionOf(zoneId, cursor);
    const reader = { zoneId, clientId: client.id, after };
    if (asStream) {
      await this.stream(caller, after, request, response);
      return;
    }
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    // It is not worked on while it waits, and has a bound of its own.
    if (waitSeconds > 0) inFlightOf(request).leavePlace();
    const items = await this.readers.poll(reader, waitSeconds * 1_000, gone.signal);
    // The deadline has answered, or the caller is gone.
    if (response.headersSent || response.destroyed) return;
    const last = items.at(-1)?.position ?? after;
    response.set('Cache-Control', 'no-store').json({
      items: items.map((item) => viewOf(zoneId, item)),
      next: this.readers.cursorAt(zoneId, last),
    });
  }

  private async stream(
    { zone, client, session }: EndpointCaller,
    after: number,
    request: Request,
    response: Response,
  ): Promise<void> {
    const { zoneId } = zone;
    const reader = { zoneId, clientId: client.id, after };
    // What cannot be read is an answer, as long as nothing was sent.
    await this.readers.page(reader);
    // The deadline has answered, or the caller is gone.
    if (response.headersSent || response.destroyed) return;
    const leave = this.readers.seats.take(zoneId, client.id);
    inFlightOf(request).leavePlace();
    void streamFeed(response, {
      zoneId,
      after,
      page: async (from) => (await this.reads.page(zoneId, from)).items,
      watch: (watcher) => this.watch.watch(zoneId, watcher),
      cursorAt: (position) => this.readers.cursorAt(zoneId, position),
      isCurrent: () => this.watch.isCurrent(zoneId),
      look: () => this.look(zoneId, client.id, session?.exp ?? Number.POSITIVE_INFINITY),
      own: admittedBy(zoneId, client.id, session),
      released: this.readers.released,
    }).finally(leave);
  }

  /** Whether a client that reads a stream may still. @throws {OAuthError} */
  private async look(zoneId: string, clientId: string, until: number): Promise<void> {
    if (this.clock.now() >= until * 1_000)
      throw new OAuthError('invalid_token', 'the bearer has expired');
    const zone = await this.snapshots.find(zoneId);
    const found = zone === null ? null : await this.snapshots.findClientIn(zone, clientId);
    if (zone === null || found === null || found.client.disabled) {
      throw new OAuthError('access_denied', 'the client is disabled or gone');
    }
    expectVerifier(zone, clientId);
  }
}

/**
 * @throws {OAuthError} access_denied for a client that owns no resource of the zone, nor may introspect mandates for one
 */
function expectVerifier({ resources }: ZoneSnapshot, clientId: string): void {
  for (const { ownerClientId, introspectionClientIds } of resources.values()) {
    if (ownerClientId === clientId || introspectionClientIds.includes(clientId)) return;
  }
  throw new OAuthError('access_denied', 'the client verifies mandates for no resource of the zone');
}

/**
 * What a reader is admitted by, as the feed names it, each with the generation that it is of. Credentials of the client are
 * of none: they hold until the client is disabled or gone.
 */
function admittedBy(
  zoneId: string,
  clientId: string,
  session: MandateClaims | null,
): ReadonlyMap<string, number> {
  const ever = Number.POSITIVE_INFINITY;
  const { zone, client } = session?.generations ?? { zone: ever, client: ever };
  const named: (readonly [kind: string, value: string, generation: number])[] = [
    ['zone', zoneId, zone],
    ['client', clientId, client],
  ];
  if (session !== null) {
    const { jti, sid, rootSid, sub, subIss, subType, generations } = session;
    named.push(['jti', jti, 0], ['session', sid, 0], ['session', rootSid, 0]);
    if (subIss !== undefined) named.push(['issuer', subIss, generations.issuer]);
    if (subType === 'user') {
      named.push(['subject', subjectKey(subIss ?? null, sub), generations.subject]);
    }
  }
  return new Map(
    named.map(([kind, value, generation]) => [feedKey(zoneId, kind, value), generation]),
  );
}
