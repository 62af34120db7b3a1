import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter, Histogram } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { verifyGatewaySignature } from '../authentication/gateway-signature.js';
import { ClientAssertions } from '../authentication/client-assertions.service.js';
import { RequestLimits } from '../authentication/request-limits.service.js';
import { SecretVerifier } from '../authentication/secret-verifier.js';
import { Delegations } from '../delegation/delegations.service.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { IssuerTokens } from '../zones/issuers/issuer-tokens.service.js';
import { verifyMandate } from '../mandates/verify-mandate.js';
import { NO_ZONE, type Entry } from '../ledger/entry.js';
import { Ledger } from '../ledger/ledger.service.js';
import { OAuthError, unavailable } from '../oauth/errors.js';
import { isUuid } from '../oauth/vocabulary.js';
import { Attempts } from '../step-up/attempts.service.js';
import { Challenges } from '../step-up/challenges.service.js';
import { PolicySets } from '../policy/policy-sets.service.js';
import { Shadow } from '../policy/shadow.service.js';
import { Sessions } from '../ledger/sessions/sessions.service.js';
import { Snapshots, type Basis } from '../zones/snapshot/snapshots.service.js';
import type { ZoneSnapshot } from '../zones/snapshot/zone-snapshot.js';
import { refusedEvent, type Reached } from './describe/audit-event.js';
import type { CredentialChecks } from '../authentication/authenticate.js';
import {
  authorize,
  PolicyDenial,
  PolicyUnusable,
  type Decide,
  type PolicyDecisions,
} from './stages/authorize.js';
import { bind } from './stages/bind.js';
import { clear, type StepUpDesk } from './stages/clear.js';
import { unspent } from './describe/facts.js';
import { DECISIONS, EXCHANGES, STAGE_SECONDS, UNRECORDED } from './exchange.metrics.js';
import { delegate } from './stages/delegate.js';
import type { RequestCounter } from '../authentication/limit.js';
import { authenticate, identify, limit } from './stages/authenticate.js';
import { mint } from './stages/mint.js';
import { parse } from './stages/parse.js';
import { InteractionRequired } from './stages/hold.js';
import { record } from './stages/record.js';
import { RecordedDenial, StaleEvaluation } from './stages/recorded.js';
import { resolve, type TrustedTokens, type VerifyMandate } from './stages/resolve.js';
import { TokenBucket } from './token-bucket.js';
import type { TokenRequest, TokenResponse } from './token-request.js';

/** Milliseconds after which a zone that keeps changing is given up; the answer has to be there in time. */
const PERSISTENCE_MS = 1_000;

/** Keeps the last value that a stage made, for the audit event of a denial. */
interface Progress {
  reached: Reached;
}

/**
 * One exchange, form to recorded mandate. The whole way is in {@link walk}; `docs/exchange.md`
 * describes the stages under the same numbers.
 */
@Injectable()
export class Exchange {
  /** What strangers ask for in vain is recorded up to a limit: it must not be they who fill the disk. */
  private readonly strangers = new TokenBucket(1_000, 5);

  constructor(
    private readonly snapshots: Snapshots,
    private readonly secrets: SecretVerifier,
    private readonly assertions: ClientAssertions,
    private readonly issuerTokens: IssuerTokens,
    private readonly requestLimits: RequestLimits,
    private readonly sessions: Sessions,
    private readonly delegations: Delegations,
    private readonly policySets: PolicySets,
    private readonly shadow: Shadow,
    private readonly challenges: Challenges,
    private readonly attempts: Attempts,
    private readonly ledger: Ledger,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
    @InjectMetric(EXCHANGES) private readonly exchanges: Counter<'outcome'>,
    @InjectMetric(UNRECORDED) private readonly unrecorded: Counter,
    @InjectMetric(DECISIONS) private readonly decisions: Counter<'decision'>,
    @InjectMetric(STAGE_SECONDS) private readonly stageSeconds: Histogram<'stage'>,
  ) {}

  /**
   * Answers a token request. The outcome is in the audit log before this returns or throws.
   *
   * @throws {OAuthError} the refusal, public and private text apart
   */
  async run(request: TokenRequest): Promise<TokenResponse> {
    try {
      const response = await this.evaluate(request);
      this.exchanges.inc({ outcome: 'issued' });
      return response;
    } catch (error) {
      this.exchanges.inc({ outcome: error instanceof OAuthError ? error.code : 'server_error' });
      throw error;
    }
  }

  /** Evaluates on what is in memory; if that turns out to be old, again on what is true now. */
  private async evaluate(request: TokenRequest): Promise<TokenResponse> {
    const giveUpAt = this.clock.now() + PERSISTENCE_MS;
    const counter = this.countedOnce();
    for (;;) {
      try {
        return await this.attempt(request, counter);
      } catch (error) {
        if (!(error instanceof StaleEvaluation)) throw error;
        if (this.clock.now() > giveUpAt) return this.giveUp(request, error);
      }
    }
  }

  /** The zone changes faster than we can evaluate. What that is filed under need not be true any more. */
  private async giveUp(request: TokenRequest, cause: StaleEvaluation): Promise<never> {
    const refusal = unavailable('the zone changed again while the request was evaluated', cause);
    await this.recorder.commit({
      event_id: uuidv7(),
      zone_id: cause.zoneId,
      facts: [],
      event: refusedEvent(request.requestId, null, refusal),
    });
    throw refusal;
  }

  private async attempt(request: TokenRequest, counter: RequestCounter): Promise<TokenResponse> {
    const progress: Progress = { reached: null };
    try {
      const response = await this.walk(request, progress, counter);
      this.tryCandidate(request, progress.reached);
      return response;
    } catch (error) {
      if (error instanceof StaleEvaluation) this.forget(progress.reached);
      if (error instanceof StaleEvaluation || error instanceof RecordedDenial) throw error;
      if (error instanceof InteractionRequired) {
        this.tryCandidate(request, progress.reached);
        throw error;
      }
      await this.refuse(request, progress.reached, error);
      if (error instanceof PolicyUnusable) this.policySets.failed(error.kind);
      if (error instanceof PolicyDenial) this.tryCandidate(request, progress.reached, error.policy);
      throw error;
    }
  }

  /** Lets the zone's candidate policy, if it has one, decide the same: after the answer, and without any effect. */
  private tryCandidate(
    { requestId }: TokenRequest,
    reached: Reached,
    policy: PolicyDecisions | null = reached !== null && 'policy' in reached
      ? reached.policy
      : null,
  ): void {
    if (reached === null || !('client' in reached) || policy === null) return;
    const { zone, client } = reached;
    const { decisions } = policy;
    this.shadow.observe(zone.shadow, {
      zoneId: zone.zoneId,
      clientId: client.id,
      requestId,
      decisions,
    });
  }

  private async walk(
    request: TokenRequest,
    progress: Progress,
    counter: RequestCounter,
  ): Promise<TokenResponse> {
    const reach = this.stages(progress);
    const parsed = await reach('parse', () => parse(request));
    const identified = await reach('identify', () => identify(parsed, this.directory));
    const proved = await reach('authenticate', () => authenticate(identified, this.checks));
    const authenticated = await reach('limit', () => limit(proved, counter));
    // One moment for what comes in and what goes out, so that nothing expires in between.
    const now = this.clock.now();
    const verify = this.verifier(authenticated.zone, now);
    const resolved = await reach('resolve', () => resolve(authenticated, verify, this.trust(now)));
    const bound = await reach('bind', () => bind(resolved, this.sessionDirectory));
    const delegated = await reach('delegate', () => delegate(bound, this.routeDirectory));
    const authorized = await reach('authorize', () => authorize(delegated, this.decide, now));
    const cleared = await reach('clear', () => clear(authorized, this.stepUp, now));
    const minted = await reach('mint', () => mint(cleared, this.env.issuerUrl, now, verify));
    return this.timed('record', () => record(minted, this.recorder));
  }

  /** A request is one request to its client, however often we have to evaluate it. */
  private countedOnce(): RequestCounter {
    let counted: Promise<number | null> | undefined;
    return {
      count: (zoneId, clientId) => (counted ??= this.requestLimits.count(zoneId, clientId)),
    };
  }

  private stages(progress: Progress) {
    return async <T extends Reached>(stage: string, run: () => T | Promise<T>): Promise<T> => {
      const value = await this.timed(stage, run);
      progress.reached = value;
      return value;
    };
  }

  private async timed<T>(stage: string, run: () => T | Promise<T>): Promise<T> {
    const stop = this.stageSeconds.startTimer({ stage });
    try {
      return await run();
    } finally {
      stop();
    }
  }

  /** Records a denial on the same terms as a mandate: what it was based on must still be true. */
  private async refuse(request: TokenRequest, reached: Reached, error: unknown): Promise<void> {
    const refusal =
      error instanceof OAuthError
        ? error
        : new OAuthError('server_error', 'an internal error', { cause: error });
    if (await this.settle(request, reached, refusal)) return;
    this.forget(reached);
    throw new StaleEvaluation(basisOf(reached).zone_id);
  }

  /** Whether a denial stands. */
  private async settle(
    request: TokenRequest,
    reached: Reached,
    refusal: OAuthError,
  ): Promise<boolean> {
    // Asking too often is no decision, and recording each time would let a stranger fill the disk. But
    // what was taken for a guess may be right by now.
    if (refusal.code === 'slow_down') {
      const proved = reached !== null && 'client' in reached;
      return proved || this.directory.isCurrent(snapshotBasisOf(reached));
    }
    const basis = basisOf(reached);
    if (basis.zone_id === NO_ZONE && !this.strangers.take(this.clock.now())) {
      this.unrecorded.inc();
      return this.directory.isCurrent(snapshotBasisOf(reached));
    }
    const committed = await this.recorder.commit({
      event_id: uuidv7(),
      facts: unspent(reached !== null && 'once' in reached ? reached.once : null),
      event: refusedEvent(request.requestId, reached, refusal),
      ...basis,
    });
    if (committed.status === 'refused') throw new RecordedDenial(committed.fact);
    return committed.status !== 'stale';
  }

  private forget(reached: Reached): void {
    this.snapshots.forget(snapshotBasisOf(reached));
  }

  private trust(now: number): TrustedTokens {
    return {
      ourselves: this.env.issuerUrl,
      verify: (attempt) => this.issuerTokens.verify({ ...attempt, now: now / 1_000 }),
    };
  }

  private verifier(zone: ZoneSnapshot, now: number): VerifyMandate {
    return (token) =>
      verifyMandate(token, {
        issuer: this.env.issuerUrl,
        zoneId: zone.zoneId,
        now: now / 1_000,
        findKey: (kid) => zone.keys.findKey(kid, now),
      });
  }

  private readonly directory = {
    findByClient: (clientId: string) => reading('zone', this.snapshots.findByClient(clientId)),
    isCurrent: (basis: Basis) => reading('zone', this.snapshots.isCurrent(basis)),
  };

  private readonly decide: Decide = (compiled, input) => {
    const verdict = this.policySets.decide(compiled, input);
    const failed = verdict.evaluationStatus === 'error';
    this.decisions.inc({ decision: failed ? 'error' : verdict.decision });
    return verdict;
  };

  private readonly checks: CredentialChecks = {
    secret: (attempt) => this.secrets.verify(attempt),
    assertion: (attempt) => this.assertions.verify(attempt),
    gateway: (headers, signed) =>
      verifyGatewaySignature(headers, signed, this.env.gatewayHmacKey ?? null, this.clock.now()),
  };

  private readonly sessionDirectory = {
    find: (zoneId: string, id: string) => reading('session', this.sessions.find(zoneId, id)),
  };

  private readonly routeDirectory = {
    route: (zoneId: string, agentSessionId: string, edgeId: string | null) =>
      reading('agent session', this.delegations.route(zoneId, agentSessionId, edgeId)),
  };

  private readonly recorder = {
    commit: (entry: Entry) =>
      this.ledger.commit(entry).catch((cause: unknown) => {
        throw unavailable('the ledger cannot record', cause);
      }),
  };

  private readonly stepUp: StepUpDesk = {
    challenges: {
      find: (zoneId, id) => reading('challenge', this.challenges.find(zoneId, id)),
      isRight: (challenge, digest) =>
        reading('challenge', this.attempts.isSecretOf(challenge, digest)),
    },
    sessions: this.sessionDirectory,
    ledger: this.recorder,
    decide: this.decide,
  };
}

/** Whatever the database or a sealed key fails with, the caller can only try again. */
async function reading<T>(what: string, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    throw unavailable(`the ${what} cannot be read`, error);
  }
}

/** What an evaluation rested on, as far as it came, for the ledger to check. */
function basisOf(reached: Reached): Pick<Entry, 'zone_id' | 'zone_version' | 'absent_client'> {
  if (reached === null) return { zone_id: NO_ZONE };
  if ('zone' in reached) {
    return { zone_id: reached.zone.zoneId, zone_version: reached.zone.version };
  }
  if ('claimed' in reached && reached.claimed !== null) {
    const { zone } = reached.claimed;
    return { zone_id: zone.zoneId, zone_version: zone.version };
  }
  const { clientId } = reached.credentials;
  const looked = 'claimed' in reached && isUuid(clientId);
  return { zone_id: NO_ZONE, ...(looked ? { absent_client: clientId } : {}) };
}

/** The same in the words of the snapshots. */
function snapshotBasisOf(reached: Reached): Basis {
  const { zone_id: zoneId, zone_version: version, absent_client: clientId } = basisOf(reached);
  return { zoneId, version, clientId };
}
