import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { UNRECORDED_DENIALS } from './authentication.metrics.js';
import { COUNTS, OwnCounts, type Counts, type Limit } from './counts.js';
import { networkOf } from '../platform/http/source-network.js';

/** The seconds within which so many are recorded. */
const SECONDS = 600;
/** The most addresses, and the most zones, that are counted. */
const MAX_KEYS = 50_000;

/**
 * The ration of audit events for callers who have not proved who they are. Any stranger can cause such denials,
 * so without a limit a stranger could fill the disk. What is over the ration is counted and in the request
 * log. Denials of authenticated callers are always recorded, and no business of this.
 *
 * An address has far less than its zone, and a zone less than all together: no stranger uses up from one address
 * what is there for others.
 */
@Injectable()
export class UnauthenticatedDenials {
  private readonly bounds: readonly {
    readonly bound: string;
    readonly limit: Limit;
    readonly keyOf: (zoneId: string, network: string) => readonly string[];
  }[];

  constructor(
    @Inject(ENV) { unauthenticatedRecords }: Pick<RunningEnv, 'unauthenticatedRecords'>,
    @InjectMetric(UNRECORDED_DENIALS) private readonly unrecorded: Counter<'bound'>,
    @Inject(COUNTS) counts: Counts = new OwnCounts(),
  ) {
    const { ofAddress, ofZone, inAll } = unauthenticatedRecords;
    const limitOf = (bound: string, points: number) => ({
      bound,
      limit: counts.limit(`unauthenticated ${bound}`, {
        points,
        seconds: SECONDS,
        maxKeys: MAX_KEYS,
      }),
    });
    this.bounds = [
      { ...limitOf('address', ofAddress), keyOf: (zone, network) => [zone, network] },
      { ...limitOf('zone', ofZone), keyOf: (zone) => [zone] },
      { ...limitOf('total', inAll), keyOf: () => [] },
    ];
  }

  /**
   * Takes one event of the ration, or counts the denial as unrecorded.
   *
   * @param zoneId the zone that it would be filed under
   * @param source the caller's address
   * @returns whether the denial is to be recorded
   */
  async mayRecord(zoneId: string, source: string): Promise<boolean> {
    const network = networkOf(source);
    // The narrowest first: what it refuses uses up nothing of the others.
    for (const { bound, limit, keyOf } of this.bounds) {
      if (await limit.take(...keyOf(zoneId, network))) continue;
      this.unrecorded.inc({ bound });
      return false;
    }
    return true;
  }
}
