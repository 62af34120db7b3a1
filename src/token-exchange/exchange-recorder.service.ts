import { Injectable } from '@nestjs/common';
import { UnauthenticatedDenials } from '../authentication/unauthenticated-denials.service.js';
import { NO_ZONE, type Committed, type Entry } from '../ledger/entry.js';
import { OutcomeUnknown } from '../ledger/ledger-lane.js';
import { Ledger } from '../ledger/ledger.service.js';
import { meaningOf, OAuthError, orUnavailable, unavailable } from '../oauth/errors.js';
import { isUuid } from '../oauth/vocabulary.js';
import { DatabaseJobs } from '../platform/database/database-jobs.js';
import { newId } from '../platform/uuid-v7.js';
import { WEBHOOKS_JOB } from '../webhooks/sender.service.js';
import type { Basis } from '../zones/snapshot/basis.js';
import { Snapshots } from '../zones/snapshot/snapshots.service.js';
import { refusedEvent } from './describe/audit-event.js';
import type { LastStage } from './describe/last-stage.js';
import { graphOf } from './describe/agency-facts.js';
import { endingAt, restsOn, unspent } from './describe/facts.js';
import { refusedFor, type Decided, type Outcome, type Stale } from './outcome.js';
import type { Stage } from './stage-names.js';
import type { LedgerPort } from './stages/record.js';
import type { TokenRequest } from './token-request.js';

/** Where an evaluation stopped. */
export interface StoppedAt {
  /** The stage that it did not pass. */
  readonly stage: Stage;
  /** All that was found out before. */
  readonly last: LastStage;
}

/** Records what becomes of token requests: on the same terms, whether they are granted or refused. */
@Injectable()
export class ExchangeRecorder implements LedgerPort {
  constructor(
    private readonly ledger: Ledger,
    private readonly snapshots: Snapshots,
    private readonly strangers: UnauthenticatedDenials,
    private readonly jobs: DatabaseJobs,
  ) {}

  /** @throws {OAuthError} temporarily_unavailable */
  async commit(entry: Entry): Promise<Committed> {
    const committed = await this.ledger.commit(entry);
    // What happens to challenges is told to webhooks. No notification is in the commit: entries would wait for one another.
    if (concernsChallenge(entry)) this.jobs.tell(WEBHOOKS_JOB);
    return committed;
  }

  /**
   * Records a refusal, if what it was based on is still true.
   *
   * @param at the stage that stopped it, and how far the request had come before
   * @param error what stopped it: an `OAuthError`, or a fault of ours
   * @throws {OAuthError} temporarily_unavailable, if it cannot be recorded
   */
  async refuse(
    request: TokenRequest,
    { stage, last }: StoppedAt,
    error: unknown,
  ): Promise<Outcome> {
    const refusal =
      error instanceof OAuthError
        ? error
        : new OAuthError('server_error', 'an internal error', { cause: error });
    const basis = basisOf(last);
    const stale: Stale = { status: 'stale', zoneId: basis.zone_id };
    const refused: Decided = { status: 'refused', error };
    // What it spent may be spent, so its twin in the log would say that it was used before.
    if (refusal.cause instanceof OutcomeUnknown) return refused;
    if (!(await this.isRecorded(request, refusal, last))) {
      return (await this.isCurrent(refusal, last)) ? refused : stale;
    }
    const committed = await this.commit({
      event_id: newId(),
      facts: endingAt(stage, unspent(last !== null && 'caller' in last ? last.caller.once : null)),
      event: refusedEvent(request.requestId, last, refusal, stage),
      ...basis,
    });
    if (committed.status === 'refused') return refusedFor(committed.fact);
    return committed.status === 'stale' ? stale : refused;
  }

  /** Records that a request is refused because its zone changes faster than it can be evaluated. */
  async giveUp(request: TokenRequest, last: LastStage, { zoneId }: Stale): Promise<Decided> {
    const error = unavailable('the zone changed again while the request was evaluated');
    const refused: Decided = { status: 'refused', error };
    if (!(await this.isRecorded(request, error, last))) return refused;
    await this.commit({
      event_id: newId(),
      zone_id: zoneId,
      facts: [],
      // What else is known of the request need not be true any more.
      event: refusedEvent(request.requestId, null, error, null),
    });
    return refused;
  }

  /** Makes the next evaluation read anew what the last one rested on. */
  forget(last: LastStage): Promise<void> {
    return this.snapshots.forget(snapshotBasisOf(last));
  }

  /**
   * Whether a refusal is to be recorded. Too many requests are no decision, and strangers have a ration, so that they
   * cannot fill the disk.
   */
  private async isRecorded(
    { source }: TokenRequest,
    refusal: OAuthError,
    last: LastStage,
  ): Promise<boolean> {
    if (meaningOf(refusal.code) === 'later') return false;
    if (last !== null && 'caller' in last) return true;
    return this.strangers.mayRecord(basisOf(last).zone_id, source);
  }

  /**
   * Whether a refusal that is not recorded is true of the zone as it is now. What was taken for a wrong guess may be
   * right by now; a client that has proved itself did not guess.
   */
  private isCurrent(refusal: OAuthError, last: LastStage): boolean | Promise<boolean> {
    if (meaningOf(refusal.code) === 'later' && last !== null && 'caller' in last) return true;
    return orUnavailable('zone', this.snapshots.isCurrent(snapshotBasisOf(last)));
  }
}

type EntryBasis = Pick<
  Entry,
  'zone_id' | 'settings_version' | 'clients' | 'labels' | 'absent_client' | 'graph'
>;

/** What an evaluation rested on, as far as it came, for the ledger to check. */
function basisOf(last: LastStage): EntryBasis {
  if (last === null) return { zone_id: NO_ZONE };
  if ('caller' in last) {
    const graph = 'agency' in last ? graphOf(last.agency) : {};
    return { ...restsOn(last.caller), ...graph };
  }
  if ('claimed' in last && last.claimed !== null) return restsOn(last.claimed);
  if ('zone' in last && last.zone !== null) {
    return { zone_id: last.zone.zoneId, settings_version: last.zone.version };
  }
  const { method, clientId } = last.presented.credentials;
  const looked = 'claimed' in last && method !== 'federated_token' && isUuid(clientId);
  return { zone_id: NO_ZONE, ...(looked ? { absent_client: clientId } : {}) };
}

/** What an evaluation rested on, as `Snapshots` takes it. */
function snapshotBasisOf(last: LastStage): Basis {
  const {
    zone_id: zoneId,
    settings_version: version,
    absent_client: clientId,
    ...rest
  } = basisOf(last);
  return { zoneId, version, clientId, ...rest };
}

/** Whether an entry may open or spend a challenge. */
function concernsChallenge({ challenge, facts }: Entry): boolean {
  return challenge !== undefined || facts.some(({ kind }) => kind === 'challenge_satisfied');
}
