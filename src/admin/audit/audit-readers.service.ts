import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { OAuthError } from '../../oauth/errors.js';
import { OPERATORS_READING } from '../../platform/database/operators-connections.js';
import type { Operator } from '../operators/operator.js';
import { Seats } from './seats.js';

/** Who reads the audit log for long in this process: exports and streams, and how many of them there may be. */
@Injectable()
export class AuditReaders {
  readonly exports = new Seats('exports', { inAll: 4, ofOneOperator: 2 });
  readonly streams = new Seats('streams', { inAll: 40, ofOneOperator: 8 });
  /** Aborted when the process stops. */
  private readonly over = new AbortController();

  constructor(@InjectDataSource(OPERATORS_READING) private readonly dataSource: DataSource) {}

  /** Aborted when the process stops. */
  get released(): AbortSignal {
    return this.over.signal;
  }

  /** Ends all exports and streams. */
  release(): void {
    this.over.abort();
  }

  /** @throws {OAuthError} access_denied for an operator that is not any more what it was let in for */
  async look({ holds, mayGoOn }: Operator): Promise<void> {
    if (mayGoOn !== undefined && (await mayGoOn())) return;
    if (mayGoOn === undefined && (holds === undefined || (await holds(this.dataSource)))) return;
    throw new OAuthError('access_denied', 'the operator may not read this any more');
  }
}
