import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import { isJsonObject, type JsonObject, type JsonValue } from '../../oauth/strict-json.js';
import { LOGGER } from '../../platform/config/logger.js';
import { DatabaseJobs } from '../../platform/database/database-jobs.js';
import type { ShardJobs } from '../../platform/database/shard-jobs.js';
import { readJson } from '../../platform/outbound/guarded-fetch.js';
import { FetchFailed, guardedRequest } from '../../platform/outbound/guarded-request.js';
import { bytesUnder } from '../../platform/outbound/fetch-rules.js';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { inOwnSpan } from '../../platform/tracing/spans.js';
import { newId } from '../../platform/uuid-v7.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { delayAfter } from '../../webhooks/retry-schedule.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import { PolledIssuers, type DueIssuer } from './polled-issuers.service.js';
import { RefusedSet } from './received-set.js';
import { MAX_SET_BYTES, SetReceiver } from './set-receiver.service.js';
import { POLLS } from './signal-counts.js';

/** Milliseconds between two looks for issuers that are due, of which time alone makes them. */
const LOOK_MS = 3_000;
/** Seconds after which an issuer that has answered is asked again. */
const AGAIN = 10;
/** Milliseconds that an issuer has for one answer, and in which its tokens are judged until others have their turn. */
const TIMEOUT_MS = 10_000;
const TURN_MS = 15_000;
/** The most tokens of one answer, its bytes, and the answers in a turn. */
const MOST_SETS = 25;
const MAX_BYTES = MOST_SETS * MAX_SET_BYTES + 64 * 1_024;
const MOST_ANSWERS = 20;
/** Issuers that this replica asks at once, and those of one zone. */
const MOST = 16;
const MOST_OF_ONE_ZONE = 2;
/** After this many failures in a row it is no longer until the next attempt: 10 minutes. */
const LONGEST_AFTER = 4;

/** What an issuer is told of the tokens that it has sent (RFC 8936 2.4). */
interface Told {
  readonly ack: readonly string[];
  readonly setErrs: Readonly<
    Record<string, { readonly err: string; readonly description: string }>
  >;
}

/** What came of the tokens of one answer. */
interface Judged {
  readonly told: Told;
  /** Why one of them could not be judged now. */
  readonly failure: { readonly error: unknown } | null;
}

const NOTHING: Told = { ack: [], setErrs: {} };

/**
 * Fetches the shared signals of trusted issuers (RFC 8936), and judges each as one that was pushed. What was judged is
 * acknowledged after that, so what a replica that dies has begun to fetch comes again, and counts once by its `jti`. An issuer
 * that hangs, or sends what is of no use, is asked less and less often, and holds up no other.
 */
@Injectable()
export class IssuerPoller {
  private readonly job: ShardJobs;

  constructor(
    private readonly issuers: PolledIssuers,
    private readonly receiver: SetReceiver,
    private readonly snapshots: Snapshots,
    private readonly sealing: Sealing,
    private readonly policies: OutboundPolicies,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(POLLS) private readonly polls: Counter<'result'>,
    jobs: DatabaseJobs,
  ) {
    this.job = jobs.addTaking<DueIssuer>({
      name: 'issuer polls',
      failing: 'the issuers whose signals are fetched cannot be read',
      unknown: FAILED,
      busyMs: LOOK_MS,
      idleMs: LOOK_MS,
      most: MOST,
      idOf: ({ id }) => id,
      groupOf: ({ zoneId }) => zoneId,
      take: (most, underWay) => this.issuers.take({ most, ofOneZone: MOST_OF_ONE_ZONE, underWay }),
      work: (issuer) => this.takeTurn(issuer),
    });
  }

  private async takeTurn(issuer: DueIssuer): Promise<void> {
    const { zoneId: zone_id, attempts } = issuer;
    try {
      const isThrough = await this.fetchAll(issuer);
      this.polls.inc({ result: 'answered' });
      await this.issuers.answered(issuer, isThrough ? AGAIN : 0);
    } catch (error) {
      if (!this.job.running) return;
      this.polls.inc({ result: 'failed' });
      const why = error instanceof FetchFailed ? error.message : 'it could not be judged now';
      this.logger.warn({ err: error, zone_id, issuer: issuer.issuer, why }, FAILED);
      const again = delayAfter(Math.min(attempts + 1, LONGEST_AFTER), Math.random()) ?? AGAIN;
      await this.issuers.failed(issuer, why, again);
    }
  }

  /** Fetches and judges until there is no more, or the turn is over. @returns whether there is no more */
  private async fetchAll(issuer: DueIssuer): Promise<boolean> {
    const until = performance.now() + TURN_MS;
    const authorization = await this.authorizationOf(issuer);
    let told = NOTHING;
    for (let n = 0; n < MOST_ANSWERS && performance.now() < until; n += 1) {
      // Each answer is judged before the next one is asked for.
      // oxlint-disable-next-line no-await-in-loop
      const sets = await this.ask(issuer, authorization, told, MOST_SETS);
      if (sets.length === 0) return true;
      // oxlint-disable-next-line no-await-in-loop
      const judged = await this.judge(issuer, sets, until);
      told = judged.told;
      if (judged.failure !== null) {
        // oxlint-disable-next-line no-await-in-loop
        await this.ask(issuer, authorization, told, 0);
        throw judged.failure.error;
      }
    }
    await this.ask(issuer, authorization, told, 0);
    return false;
  }

  private async judge(
    { zoneId }: DueIssuer,
    sets: readonly (readonly [string, JsonValue])[],
    until: number,
  ): Promise<Judged> {
    const ack: string[] = [];
    const setErrs: [string, { err: string; description: string }][] = [];
    let failure: Judged['failure'] = null;
    for (const [jti, set] of sets) {
      if (!this.job.running || performance.now() > until) break;
      try {
        // One after the other, in the order in which they were sent.
        // oxlint-disable-next-line no-await-in-loop
        await this.judgeOne(zoneId, set);
        ack.push(jti);
      } catch (error) {
        // Of what could not be judged nothing is said: it comes again, and holds up nothing that comes after it.
        if (error instanceof RefusedSet) {
          setErrs.push([jti, { err: error.err, description: error.message }]);
        } else failure ??= { error };
      }
    }
    return { told: { ack, setErrs: Object.fromEntries(setErrs) }, failure };
  }

  private async judgeOne(zoneId: string, set: JsonValue): Promise<void> {
    if (typeof set !== 'string' || set.length > MAX_SET_BYTES) {
      throw new RefusedSet('invalid_request', 'it is no signed JWT of a usable size');
    }
    const zone = await this.snapshots.find(zoneId);
    if (zone === null) throw new FetchFailed('the zone is gone');
    await this.receiver.judge(zone, set, { request_id: newId() });
  }

  private async authorizationOf({ zoneId, id, sealedToken }: DueIssuer): Promise<string | null> {
    if (sealedToken === null) return null;
    const context = { purpose: 'ssf-poll-token', zoneId, id } as const;
    return `Bearer ${(await this.sealing.open(context, sealedToken)).toString()}`;
  }

  private async ask(
    { zoneId, url }: DueIssuer,
    authorization: string | null,
    { ack, setErrs }: Told,
    maxEvents: number,
  ): Promise<(readonly [string, JsonValue])[]> {
    const rules = await this.policies.rulesFor('ssf_delivery', zoneId);
    const most = bytesUnder(rules, MAX_BYTES);
    const said = { maxEvents, returnImmediately: true, ack, setErrs };
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'mandate',
      ...(authorization === null ? {} : { authorization }),
    };
    const body = Buffer.from(JSON.stringify(said));
    return inOwnSpan('signal poll', null, () =>
      guardedRequest(
        url,
        rules,
        { method: 'POST', headers, body, timeoutMs: TIMEOUT_MS },
        async (response) => setsIn(await readJson(response, most)).slice(0, maxEvents),
      ),
    );
  }
}

const FAILED = 'the signals of an issuer could not be fetched';

/** The tokens in an answer, by `jti`. @throws {FetchFailed} */
function setsIn(answer: JsonValue): [string, JsonValue][] {
  const sets: JsonValue | undefined = isJsonObject(answer) ? answer['sets'] : undefined;
  if (sets === undefined || !isJsonObject(sets)) throw new FetchFailed('there are no sets in it');
  const named: JsonObject = sets;
  return Object.entries(named);
}
