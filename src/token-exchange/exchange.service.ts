import { Inject, Injectable } from '@nestjs/common';
import { kindOf, type Caller } from '../authentication/authenticate-client.js';
import { ClientAuthentication } from '../authentication/client-authentication.service.js';
import { Routes } from '../delegation/routes.service.js';
import { StatusBlocks } from '../ledger/status-lists/status-blocks.service.js';
import { Sessions } from '../ledger/sessions/sessions.service.js';
import { OAuthError } from '../oauth/errors.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { Overloaded } from '../platform/http/overload/overloaded.js';
import type { LastStage } from './describe/last-stage.js';
import { ExchangeMetrics } from './exchange.metrics.js';
import { ExchangeRecorder } from './exchange-recorder.service.js';
import type { Decided, Outcome } from './outcome.js';
import { PolicyDecisionPoint } from './policy-decision-point.service.js';
import { stageRun, type Progress } from './stage-run.js';
import { authenticate, identify, limit } from './stages/authenticate.js';
import { authorize } from './stages/authorize.js';
import { bind } from './stages/bind.js';
import { clear } from './stages/clear.js';
import { isHeld } from './stages/clearance.js';
import { delegate } from './stages/delegate.js';
import { hold } from './stages/hold.js';
import { mint } from './stages/mint.js';
import { parse } from './stages/parse.js';
import { record } from './stages/record.js';
import { resolve } from './stages/resolve.js';
import { target } from './stages/target.js';
import { StepUpState } from './step-up-state.service.js';
import type { TokenRequest, TokenResponse } from './token-request.js';
import { TokenVerification } from './token-verification.service.js';
import { toldToGateway } from './told-to-gateways.js';
import { untilCurrent } from './until-current.js';

type CountRequest = (caller: Caller) => Promise<void>;

/**
 * One exchange, form to recorded mandate. The whole way is in {@link walk}; `docs/exchange.md`
 * describes the stages under the same numbers.
 */
@Injectable()
export class Exchange {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly tokens: TokenVerification,
    private readonly sessions: Sessions,
    private readonly routes: Routes,
    private readonly policy: PolicyDecisionPoint,
    private readonly stepUp: StepUpState,
    private readonly recorder: ExchangeRecorder,
    private readonly indices: StatusBlocks,
    private readonly metrics: ExchangeMetrics,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Answers a token request. The outcome is in the audit log before this returns or throws.
   *
   * @throws {OAuthError} the refusal, public and private text apart
   */
  async run(request: TokenRequest): Promise<TokenResponse> {
    try {
      const outcome = await this.evaluate(request);
      if (outcome.status !== 'issued') throw outcome.error;
      this.metrics.issued();
      return outcome.response;
    } catch (error) {
      this.metrics.refused(error);
      throw error;
    }
  }

  /** Evaluates on what is in memory; if that turns out to be old, again on what is true now. */
  private async evaluate(request: TokenRequest): Promise<Decided> {
    const count = this.clients.countOnce();
    const countRequest: CountRequest = (caller) => {
      request.inFlight.countFor(caller.zone.zoneId, caller.client.id, kindOf(caller));
      return count(caller);
    };
    let progress: Progress = { last: null, stage: 'parse', evaluation: 0 };
    const outcome = await untilCurrent(
      () => {
        progress = { last: null, stage: 'parse', evaluation: progress.evaluation + 1 };
        return this.attempt(request, progress, countRequest);
      },
      () => this.clock.now(),
    );
    if (outcome.status !== 'stale') return outcome;
    return this.recorder.giveUp(request, progress.last, outcome);
  }

  /** Evaluates once. A refusal by a stage is recorded here, any other outcome by the last stage. */
  private async attempt(
    request: TokenRequest,
    progress: Progress,
    countRequest: CountRequest,
  ): Promise<Outcome> {
    const outcome = await this.walk(request, progress, countRequest).catch((error: unknown) => {
      noteClaim(request, progress.last);
      return isGivenUp(request, error)
        ? ({ status: 'refused', error } as const)
        : this.recorder.refuse(request, progress, toldTo(progress.last, error));
    });
    if (outcome.status === 'stale') await this.recorder.forget(progress.last);
    this.policy.followUp(request.requestId.request_id, progress.last, outcome);
    return outcome;
  }

  private async walk(
    request: TokenRequest,
    progress: Progress,
    countRequest: CountRequest,
  ): Promise<Outcome> {
    const { stage, lastStage } = stageRun(request, progress, this.metrics.stageTimer());
    const parsed = await stage('parse', () => parse(request));
    const identified = await stage('identify', () => identify(parsed, this.clients));
    const proved = await stage('authenticate', () => authenticate(identified, this.clients));
    const authenticated = await stage('limit', () => limit(proved, countRequest));
    // One moment for what comes in and what goes out, so that nothing expires in between.
    const now = this.clock.now();
    const tokens = this.tokens.at(authenticated.caller.zone, now);
    const resolved = await stage('resolve', () => resolve(authenticated, tokens));
    const bound = await stage('bind', () => bind(resolved, this.sessions));
    const delegated = await stage('delegate', () =>
      delegate(bound, this.routes.forEvaluation(progress.evaluation)),
    );
    const targeted = await stage('target', () => target(delegated));
    const authorized = await stage('authorize', () => authorize(targeted, this.policy.decide, now));
    const clearance = await stage('clear', () => clear(authorized, this.stepUp, now));
    if (isHeld(clearance)) {
      return lastStage('hold', () =>
        hold(clearance, this.recorder, this.stepUp.issuerUrl, now, request.trace),
      );
    }
    const minted = await stage('mint', () => mint(clearance, tokens, this.indices, now));
    return lastStage('record', () => record(minted, this.recorder));
  }
}

/** Names the client of a request that has stopped before the client was believed, for its log line. */
function noteClaim({ inFlight }: TokenRequest, last: LastStage): void {
  if (last === null || !('claimed' in last) || last.claimed === null) return;
  inFlight.noteClaim(last.claimed.zone.zoneId, last.claimed.client.id);
}

/** What stopped a request, as its caller is told of it. */
function toldTo(last: LastStage, error: unknown): unknown {
  const throughGateway = last !== null && 'caller' in last && last.caller.throughGateway;
  return throughGateway && error instanceof OAuthError ? toldToGateway(error) : error;
}

/**
 * Whether a request was given up, because of load or because its caller has gone: then nothing was decided. A denial
 * that was found is recorded, also if the caller has gone since.
 *
 * @throws {Overloaded} for what has failed for a caller who does not wait any more
 */
function isGivenUp({ inFlight }: TokenRequest, error: unknown): boolean {
  if (error instanceof OAuthError && error.code === 'temporarily_unavailable') {
    if (!(error instanceof Overloaded)) inFlight.expectAnswer();
  }
  return error instanceof Overloaded;
}
