import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import type { DataSource } from 'typeorm';
import { COUNTS, type Counts, type Limit } from '../../authentication/counts.js';
import { NO_ZONE } from '../../ledger/entry.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { LOGGER } from '../../platform/config/logger.js';
import { commitIf } from '../../platform/database/commit-if.js';
import { OPERATORS } from '../../platform/database/operators-connections.js';
import { requestIdOf, type RequestId } from '../../platform/http/request-id.js';
import { routeOf } from '../../platform/http/route-of.js';
import { sourceOf } from '../../platform/http/source-address.js';
import type { KnownKey } from './operator-directory.service.js';
import { KEYS_FROM_ELSEWHERE } from './operator.metrics.js';
import type { Operator } from './operator.js';

/** The refusals of one operator that are recorded in ten minutes. What is over that is in the log alone. */
const RECORDED = { points: 100, seconds: 600, maxKeys: 10_000 } as const;

/** The times in ten minutes that a key from an address that it is not good from is recorded. The rest is counted alone. */
const FROM_ELSEWHERE = { points: 5, seconds: 600, maxKeys: 10_000 } as const;

/** What an operator was refused. */
export interface Refusal {
  /** Such as `the permission clients:write`, in words. */
  readonly lacks: string;
  /** The zone that the request named; `null` for none. */
  readonly zoneId: string | null;
}

/**
 * Records what operators were refused: they are known, and few, so one who tries what it may not is worth an event. It is
 * in the chain of the installation, since the zone that it names need not be there.
 */
@Injectable()
export class Refusals {
  private readonly recorded: Limit;
  private readonly fromElsewhere: Limit;

  constructor(
    @InjectDataSource(OPERATORS) private readonly dataSource: DataSource,
    private readonly ledger: Ledger,
    @Inject(COUNTS) counts: Counts,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(KEYS_FROM_ELSEWHERE) private readonly keysFromElsewhere: Counter,
  ) {
    this.recorded = counts.limit('refusals of operators', RECORDED);
    this.fromElsewhere = counts.limit('keys of operators from elsewhere', FROM_ELSEWHERE);
  }

  /** Records a refusal, and writes it to the log. That it cannot be recorded changes nothing about it. */
  async record(request: IncomingMessage, operator: Operator, refusal: Refusal): Promise<void> {
    const { id, name, recorded } = operator;
    const { lacks, zoneId } = refusal;
    const asked = { method: request.method, route: routeOf(request), lacks };
    const who = { operator: name, ...(id === null ? {} : { operator_id: id }) };
    const requestId = requestIdOf(request);
    this.logger.warn(
      { requestId: requestId.request_id, ...who, ...asked },
      'an operator was refused',
    );
    if (!(await this.recorded.take(name))) return;
    const about = zoneId === null ? {} : { asked_zone_id: zoneId };
    await this.append({ ...requestId, ...who, ...recorded, ...asked, ...about });
  }

  /**
   * Records that a key came from an address that it is not good from: whoever sent it may have stolen it, and may send it as
   * often as they like. So each is counted, and a few for each key are in the log and the audit log.
   */
  async recordFromElsewhere(request: IncomingMessage, { id, operator }: KnownKey): Promise<void> {
    this.keysFromElsewhere.inc();
    if (!(await this.fromElsewhere.take(id))) return;
    const requestId = requestIdOf(request);
    const address = sourceOf(request);
    const who = { operator: operator.name, operator_id: operator.id, operator_key: id };
    this.logger.warn(
      { requestId: requestId.request_id, ...who, address },
      'a key of an operator came from an address that it is not good from',
    );
    const lacks = 'an address that the key is good from';
    await this.append({ ...requestId, ...who, method: request.method, lacks, address });
  }

  private async append(event: Readonly<Record<string, unknown>> & RequestId): Promise<void> {
    const refused = { type: 'admin.refused', outcome: 'denied' as const };
    try {
      await commitIf(
        this.dataSource,
        () => true,
        (tx) => this.ledger.append(tx, NO_ZONE, { ...refused, ...event }),
      );
    } catch (error) {
      this.logger.warn({ err: error }, 'the refusal of an operator was not recorded');
    }
  }
}
