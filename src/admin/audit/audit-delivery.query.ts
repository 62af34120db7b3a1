import { BadRequestException } from '@nestjs/common';
import { IsIn, IsOptional, IsUUID } from 'class-validator';
import { MayBeAbsent } from '../../platform/http/validators.js';
import { AuditFilterQuery } from './audit-query.body.js';
import { EXPORT_FORMATS, type ExportFormat } from './send-export.js';

/** What is exported, and how it is written. */
export class AuditExportQuery extends AuditFilterQuery {
  /** `ndjson`: an event on each line, whole; `csv`: what tables have columns for. */
  @IsOptional()
  @IsIn(EXPORT_FORMATS)
  format?: ExportFormat = 'ndjson';
}

/** The same for events of whichever zone. */
export class AuditOfZonesExportQuery extends AuditExportQuery {
  /** Those of this zone; all zeroes for what is of no zone. */
  @MayBeAbsent()
  @IsUUID()
  zone?: string;
}

/** What is streamed of whichever zone. */
export class AuditOfZonesStreamQuery extends AuditFilterQuery {
  /** Those of this zone; all zeroes for what is of no zone. */
  @MayBeAbsent()
  @IsUUID()
  zone?: string;
}

/** @throws {BadRequestException} for a time: a stream has what comes */
export function refuseTimes(query: AuditFilterQuery): void {
  const given = (['from', 'to'] as const).filter((name) => query[name] !== undefined);
  if (given.length === 0) return;
  const errors = given.map((field) => ({
    field,
    message: `${field} does not go with a stream, which has what comes`,
    code: 'not_for_streams',
  }));
  throw new BadRequestException({ message: errors.map(({ message }) => message), errors });
}
