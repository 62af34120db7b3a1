import type { IncomingMessage } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import {
  EndpointCallers,
  type EndpointCaller,
} from '../../authentication/endpoint-callers.service.js';
import { STALE, type Stale } from '../../authentication/session-bearers.service.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { orUnavailable } from '../../oauth/errors.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { VerifiedSignatures } from '../../platform/verified-signatures.js';
import { PolicySets } from '../../policy/policy-sets.service.js';
import type { Basis } from '../../zones/snapshot/basis.js';
import { activeAnswer, INACTIVE, type IntrospectionAnswer } from './introspection-answer.js';
import { IntrospectionAudit, type Told } from './introspection-audit.service.js';
import { notForbidden } from './introspection-policy.js';
import { readTokens, unitsOf } from './introspection-request.js';
import { INTROSPECTIONS } from './introspection.metrics.js';
import { LiveMandates } from './live-mandates.service.js';
import { lookAt, type Found, type InactiveReason } from './look-at.js';

/** What was found out about the tokens of a request. */
export interface Introspected {
  readonly caller: EndpointCaller;
  /** In the order of the tokens. */
  readonly answers: readonly IntrospectionAnswer[];
  /** Whether they are to be answered as a list. */
  readonly isBatch: boolean;
}

/** The largest body of either kind. A token may be of any length: one that is too long to be one is not active. */
const MAX_BYTES = { form: 1_024 * 1_024, json: 1_024 * 1_024 } as const;

/** So many tokens of a batch are looked at before others have their turn. */
const TOKENS_PER_TURN = 10;

/** Whatever is in it, a token is a token or none. */
const OPAQUE = new Set(['token', 'tokens']);

/**
 * Says whether mandates are active, and what they say, to those who may know (RFC 7662). What can be seen without the
 * database is seen on the snapshot of the zone, and then one statement on the primary says whether that, the caller and
 * the mandates still are as they were: no answer is of a moment before its question.
 */
@Injectable()
export class Introspection {
  constructor(
    private readonly callers: EndpointCallers,
    private readonly live: LiveMandates,
    private readonly policy: PolicySets,
    private readonly verified: VerifiedSignatures,
    private readonly audit: IntrospectionAudit,
    @Inject(CLOCK) private readonly clock: Clock,
    @InjectMetric(INTROSPECTIONS) private readonly introspections: Counter<'result' | 'reason'>,
  ) {}

  /**
   * Answers a request.
   *
   * @param zoneInPath the zone whose own endpoint it is, `null` at the endpoint of all zones
   * @throws {OAuthError} invalid_request, invalid_client, invalid_token for a bearer, slow_down, temporarily_unavailable
   * @throws {HttpException} 413, 415, 400 for a body that cannot be read
   */
  async run(request: IncomingMessage, zoneInPath: string | null): Promise<Introspected> {
    const terms = {
      zoneInPath,
      body: 'form or json',
      maxBytes: MAX_BYTES,
      opaque: OPAQUE,
      units: (read: Parameters<typeof readTokens>[0]) => unitsOf(readTokens(read)),
    } as const;
    return this.callers.whileCurrent(request, terms, async (caller, basis) => {
      const { tokens, isBatch } = readTokens(caller);
      const told = await this.tell(caller, basis, tokens);
      if (told === STALE) return STALE;
      await this.audit.record(caller, requestIdOf(request), told);
      for (const { answer, reason } of told) {
        this.introspections.inc({ result: answer.active ? 'active' : 'inactive', reason });
      }
      return { caller, answers: told.map(({ answer }) => answer), isBatch };
    });
  }

  private async tell(
    caller: EndpointCaller,
    basis: Basis,
    tokens: readonly string[],
  ): Promise<readonly Told[] | Stale> {
    const looked = new Map<string, Found | InactiveReason>();
    for (const [n, token] of tokens.entries()) {
      // What waits for nothing, such as a token that is none, would have all of them in one turn.
      // oxlint-disable-next-line no-await-in-loop -- others have their turn between
      if (n > 0 && n % TOKENS_PER_TURN === 0) await turn();
      // oxlint-disable-next-line no-await-in-loop -- one after the other, so that a batch does not have all of the processor
      if (!looked.has(token)) looked.set(token, await this.look(caller, token));
    }
    const found = [...looked.values()].filter((one) => typeof one !== 'string');
    const states = await this.live.ask(
      basis,
      found.map(({ claims }) => ({
        claims,
        mayBeTakenBack: caller.zone.hasSubjectGenerations || claims.generations.subject !== 0,
      })),
    );
    if (states === null) return STALE;
    const stateOf = new Map(found.map((one, n) => [one, states[n]]));
    return tokens.map((token): Told => {
      const one = looked.get(token) ?? 'malformed';
      if (typeof one === 'string') return { answer: INACTIVE, reason: one, found: null };
      const reason = stateOf.get(one) ?? 'expired';
      const { claims, known } = one;
      const { resources, scopeClaims } = caller.zone;
      const answer =
        reason === 'live' ? activeAnswer(claims, known, resources, scopeClaims) : INACTIVE;
      return { answer, reason, found: one };
    });
  }

  /** Looks at a token as far as that takes no database. */
  private async look(caller: EndpointCaller, token: string): Promise<Found | InactiveReason> {
    const found = await lookAt(token, caller, this.clock.now(), this.verified);
    if (typeof found === 'string') return found;
    const { claims } = found;
    const known = await orUnavailable(
      'policy',
      notForbidden(caller, claims, found.known, (...asked) => this.policy.decide(...asked)),
    );
    return known.length === 0 ? 'forbidden' : { claims, known };
  }
}
