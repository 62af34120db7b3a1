import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Request, Response } from 'express';
import type { DataSource } from 'typeorm';
import type { AuditFilters, AuditScope } from '../../audit/audit-filters.js';
import { AuditSearch } from '../../audit/audit-search.service.js';
import { BundleRows } from '../../evidence/bundle/bundle-rows.js';
import { writeBundle, type BundleScope } from '../../evidence/bundle/write-bundle.js';
import { OAuthError } from '../../oauth/errors.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { OPERATORS_READING } from '../../platform/database/operators-connections.js';
import { inFlightOf } from '../../platform/http/overload/in-flight.js';
import type { Operator } from '../operators/operator.js';
import { AuditReaders } from './audit-readers.service.js';
import { sendBundle } from './send-bundle.js';
import { FIRST_PART, sendExport, type ExportFormat } from './send-export.js';
import { refusalOf, sendStream } from './send-stream.js';
import { readPosition, type StreamPosition } from './stream-position.js';
import { StreamReader } from './stream-reader.js';
import { readsOf } from './stream-reads.js';

/** Who reads what of the audit log, and where it goes. */
export interface AuditReading {
  readonly operator: Operator;
  readonly scope: AuditScope;
  readonly filters: AuditFilters;
  readonly request: Request;
  readonly response: Response;
}

/** Who reads a bundle of a zone, and what it is to have. */
export interface BundleReading extends Pick<AuditReading, 'operator' | 'request' | 'response'> {
  readonly zoneId: string;
  readonly scope: BundleScope;
}

/** Milliseconds after which a stream cannot be gone on with any more. */
const RESUMABLE_MS = 24 * 60 * 60_000;

/** Sends operators what takes long to be sent: exports of the audit log, and streams. */
@Injectable()
export class AuditDelivery {
  constructor(
    private readonly search: AuditSearch,
    private readonly readers: AuditReaders,
    @InjectDataSource(OPERATORS_READING) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Begins an export: all that fits, the newest first.
   *
   * @throws {OAuthError} slow_down, temporarily_unavailable: nothing was sent then
   */
  async export(reading: AuditReading, format: ExportFormat): Promise<void> {
    const { operator, scope, filters, request, response } = reading;
    const leave = this.readers.exports.take(operator.name);
    try {
      const first = await this.search.page(scope, filters, { limit: FIRST_PART });
      // The deadline has answered, or the caller is gone.
      if (response.headersSent || response.destroyed) return leave();
      inFlightOf(request).leavePlace();
      void sendExport(response, format, {
        first,
        page: (after, limit) => this.search.page(scope, filters, { limit, after }),
        look: () => this.readers.look(operator),
        released: this.readers.released,
      }).finally(leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /**
   * Begins a bundle (docs/evidence.md). Each statement is one of its own: no transaction and no connection is held for it.
   *
   * @returns null if it has begun; `not yet` if nothing of the zone is in a signed checkpoint
   * @throws {OAuthError} slow_down, temporarily_unavailable: nothing was sent then
   */
  async bundle(reading: BundleReading): Promise<'not yet' | null> {
    const { operator, zoneId, scope, request, response } = reading;
    const leave = this.readers.exports.take(operator.name);
    try {
      const lines = await writeBundle(new BundleRows(this.dataSource, zoneId), scope);
      if (lines === null || response.headersSent || response.destroyed) {
        leave();
        return lines === null ? 'not yet' : null;
      }
      inFlightOf(request).leavePlace();
      void sendBundle(response, zoneId, lines, {
        look: () => this.readers.look(operator),
        released: this.readers.released,
      }).finally(leave);
      return null;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /**
   * Begins a stream: what fits of all that is recorded from now on, or from where `Last-Event-ID` says.
   *
   * @throws {OAuthError} invalid_request, cursor_expired, slow_down, temporarily_unavailable: nothing was sent then
   */
  async stream(reading: AuditReading): Promise<void> {
    const { operator, scope, filters, request, response } = reading;
    const position = this.positionIn(request, scope);
    const leave = this.readers.streams.take(operator.name);
    try {
      const reads = readsOf(this.dataSource, scope, filters);
      const reader =
        position === null
          ? await begin(reads, this.clock.now())
          : StreamReader.from(reads, position, this.clock.now());
      if (response.headersSent || response.destroyed) return leave();
      inFlightOf(request).leavePlace();
      void sendStream(response, {
        reader,
        clock: this.clock,
        look: () => this.readers.look(operator),
        released: this.readers.released,
      }).finally(leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Where a reader goes on; `null`: it begins. @throws {OAuthError} */
  private positionIn(request: Request, { zones }: AuditScope): StreamPosition | null {
    const given = request.headersDistinct['last-event-id'] ?? [];
    const [text = ''] = given;
    if (text === '' && given.length < 2) return null;
    const position = given.length === 1 ? readPosition(text) : null;
    const now = this.clock.now();
    const seen = zones?.map((zone) => zone.toLowerCase()) ?? null;
    const isOfOthers =
      seen !== null &&
      [...(position?.chains.keys() ?? [])].some((key) => !seen.includes(key.slice(0, 36)));
    if (position === null || position.since > now || isOfOthers) {
      throw new OAuthError('invalid_request', 'Last-Event-ID is not one of this stream');
    }
    if (now - position.since > RESUMABLE_MS) {
      throw new OAuthError(
        'cursor_expired',
        'Last-Event-ID is more than a day old: begin without one, and export what was before',
      );
    }
    return position;
  }
}

async function begin(reads: Parameters<typeof StreamReader.fromNow>[0], now: number) {
  try {
    return await StreamReader.fromNow(reads, now);
  } catch (error) {
    throw refusalOf(error);
  }
}
