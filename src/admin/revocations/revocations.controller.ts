import {
  BadRequestException,
  Body,
  Get,
  Headers,
  Inject,
  NotFoundException,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Request, Response } from 'express';
import type { Repository } from 'typeorm';
import { idempotencyKeyOf, onceOf } from '../../delegation/coordinator/idempotency.js';
import { revocationBounds } from '../../issuer/revocation-bounds.js';
import { RevocationOrder } from '../../issuer/revocation/revocation-order.entity.js';
import { writtenTarget, type RevocationTarget } from '../../issuer/revocation/revocation-target.js';
import { CLOCK, instant, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { ApiHeader, ApiResponse } from '../../platform/http/openapi-decorators.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { UrgentChange, type Change } from '../change.js';
import { findRow } from '../find-row.js';
import { KnowsItsRequests } from '../idempotency/idempotency.interceptor.js';
import { InZone } from '../in-zone.js';
import { readPage } from '../pagination.js';
import { Ordering } from './ordering.service.js';
import { readTarget, readTargetKey } from './read-target.js';
import { commitMargin, describeTold, type Told } from './told.js';
import { RevocationBody, RevocationQuery, RevocationsQuery } from './revocation.body.js';

/** An order, without what the installation says of all. */
function described(order: RevocationOrder) {
  const { id, target, reason, reasonCode, actor, generation, affects, expiresAt, at } = order;
  return {
    id,
    target,
    reason,
    ...(reasonCode === null ? {} : { reason_code: reasonCode }),
    actor,
    at,
    ...(expiresAt === null ? {} : { expires_at: expiresAt }),
    ...(generation === null ? {} : { generation }),
    affects,
  };
}

/** Takes back what was issued, by orders that are kept for ever and never undone. */
@AdminController('zones/:zone/revocations', { noun: 'revocations' })
export class RevocationsController {
  constructor(
    @InjectRepository(RevocationOrder) private readonly orders: Repository<RevocationOrder>,
    private readonly ordering: Ordering,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Takes something back: from the answer on, no replica exchanges what it was, or calls it active. `dry_run=true` says
   * what it would hit, and changes and records nothing.
   */
  @Post()
  @KnowsItsRequests(true)
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiHeader({ name: 'Prefer', required: false, description: '`return=minimal`: without a body' })
  @ApiResponse({ status: 200, description: 'With dry_run: what it would hit' })
  @ApiResponse({ status: 201, description: 'It is taken back' })
  @ApiResponse({ status: 204, description: 'The same, if nothing is to be said about it' })
  @ApiResponse({ status: 409, description: 'In use, or the Idempotency-Key is another order`s' })
  @ApiResponse({ status: 422, description: 'There is nothing of that name' })
  async order(
    @InZone() { id: zoneId }: Zone,
    @UrgentChange('revocation.ordered') change: Change,
    @Query() { dry_run: dryRun }: RevocationQuery,
    @Body() body: RevocationBody,
    @Headers('prefer') prefer: string | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const { target, reason, shorthand } = asked(body);
    const key = idempotencyKeyOf(request);
    const isDry = dryRun === 'true';
    const made = await this.ordering.order(
      { ...change, ...(shorthand ? { type: 'mandate.revoked' } : {}) },
      {
        target,
        reason,
        reasonCode: body.reason_code ?? null,
        actor: change.operator.name,
        expiresAt: this.readExpiry(body),
        once: key === null || isDry ? null : onceOf(key, repeatable(target, body)),
      },
      (order) => ({
        revocation: described(order),
        ...(target.kind === 'jti' ? { revoked_jti: target.name } : {}),
        ...(target.kind === 'kid' ? { revoked_kid: target.name } : {}),
      }),
      isDry,
    );
    if (isDry) {
      response.status(200);
      const { affects } = made.order;
      return { dry_run: true, target: writtenTarget(target), affects, effective: this.effective };
    }
    response.location(`/internal/zones/${zoneId}/revocations/${made.order.id}`);
    if (made.replayed) response.set('Idempotency-Replayed', 'true');
    const minimal = isMinimal(prefer);
    if (minimal) response.set('Preference-Applied', 'return=minimal');
    if (minimal || shorthand) {
      response.status(204);
      return undefined;
    }
    return this.toView(made.order);
  }

  /** Lists orders, of all or of one target. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() { target, ...page }: RevocationsQuery) {
    const condition =
      target === undefined
        ? undefined
        : `row.target_key = '\\x${readTargetKey(target).toString('hex')}'`;
    return readPage(this.orders, { zoneId }, page, (order) => this.toView(order), condition);
  }

  /**
   * Shows an order: by each channel whether it has been told there, and until when what was taken back may be honoured by
   * those who rely on that alone; and, as long as there is more to be done, how many of its rows are marked as ended.
   */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    const order = await findRow(this.orders, { zoneId, id }, 'revocation');
    const [ending] = await this.orders.query<{ ended: number }[]>(ENDING, [zoneId, id]);
    const margin = commitMargin(this.env.limits);
    const [told] = await this.orders.query<Told[]>(TOLD, [zoneId, id, margin]);
    if (told === undefined) throw new NotFoundException('no such revocation');
    return {
      ...this.toView(order),
      ...describeTold(told, order.at, revocationBounds(this.env), this.clock.now()),
      ...(ending === undefined ? {} : { ending }),
    };
  }

  private toView(order: RevocationOrder) {
    return { ...described(order), effective: this.effective };
  }

  /** Seconds after which nobody honours what was taken back, by how verifiers learn of it. */
  private get effective() {
    const bounds = revocationBounds(this.env);
    return {
      exchange: bounds.exchange,
      introspection: bounds.introspection,
      status_list_seconds: bounds.status_list,
      feed_seconds: bounds.feed,
      expiry_seconds: bounds.expiry,
    };
  }

  private readExpiry({ expires_at: text }: RevocationBody): Date | null {
    if (text === undefined) return null;
    const at = Date.parse(text);
    if (at <= this.clock.now()) throw new BadRequestException('expires_at has passed');
    return instant(at);
  }
}

/** What a body asks for: an order, or in short one mandate to be revoked. */
function asked(body: RevocationBody): {
  readonly target: RevocationTarget;
  readonly reason: string;
  readonly shorthand: boolean;
} {
  const { jti, target, reason } = body;
  if (jti !== undefined) {
    if (target !== undefined) throw new BadRequestException('give either target or jti');
    return { target: { kind: 'jti', name: jti }, reason: reason ?? 'not said', shorthand: true };
  }
  if (target === undefined) throw new BadRequestException('target is missing');
  if (reason === undefined) throw new BadRequestException('reason is missing');
  return { target: readTarget(target), reason, shorthand: false };
}

function repeatable(target: RevocationTarget, body: RevocationBody) {
  const { reason, reason_code: code, expires_at: expires } = body;
  return { kind: 'revocation', request: [writtenTarget(target), reason, code, expires] };
}

/** Whether a request prefers an answer without a body (RFC 7240 4.2). */
function isMinimal(prefer: string | undefined): boolean {
  return (prefer ?? '')
    .split(',')
    .some((preference) => /^\s*return\s*=\s*"?minimal"?\s*(?:;|$)/i.test(preference));
}

const ENDING = `SELECT ended::float8 AS ended FROM revocation_endings
  WHERE zone_id = $1 AND order_id = $2`;

const TOLD = `SELECT committed_by, in_feed, signals_out, receivers, webhooks
  FROM revocation_told($1, $2, $3 * interval '1 millisecond')`;
