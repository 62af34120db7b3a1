import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { COUNTS, type Counts, type Limit } from '../../authentication/counts.js';
import { NO_ZONE } from '../../ledger/entry.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { LOGGER } from '../../platform/config/logger.js';
import { commitIf } from '../../platform/database/commit-if.js';
import { OPERATORS } from '../../platform/database/operators-connections.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { routeOf } from '../../platform/http/route-of.js';
import type { Operator } from './operator.js';

/** The refusals of one operator that are recorded in ten minutes. What is over that is in the log alone. */
const RECORDED = { points: 100, seconds: 600, maxKeys: 10_000 } as const;

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

  constructor(
    @InjectDataSource(OPERATORS) private readonly dataSource: DataSource,
    private readonly ledger: Ledger,
    @Inject(COUNTS) counts: Counts,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.recorded = counts.limit('refusals of operators', RECORDED);
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
    const event = { type: 'admin.refused', outcome: 'denied' as const, ...requestId, ...who };
    try {
      await commitIf(
        this.dataSource,
        () => true,
        (tx) => this.ledger.append(tx, NO_ZONE, { ...event, ...recorded, ...asked, ...about }),
      );
    } catch (error) {
      this.logger.warn({ err: error }, 'the refusal of an operator was not recorded');
    }
  }
}
