import { BadRequestException } from '@nestjs/common';
import { IsIn, IsOptional, IsUUID, Matches } from 'class-validator';
import { ApiProperty } from '../../platform/http/openapi-decorators.js';
import { IsInstant, MayBeAbsent } from '../../platform/http/validators.js';
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

/** Sizes of checkpoints, at most 32, with commas in between. */
const SIZES = /^[1-9][0-9]{0,14}(?:,[1-9][0-9]{0,14}){0,31}$/;

/** What a bundle is to have. */
export class AuditBundleQuery {
  /** What happened then or later. */
  @MayBeAbsent()
  @IsInstant()
  @ApiProperty({ type: 'string', format: 'date-time' })
  from?: string;

  /** What happened before then. */
  @MayBeAbsent()
  @IsInstant()
  @ApiProperty({ type: 'string', format: 'date-time' })
  to?: string;

  /** Sizes of checkpoints of the zone that were kept elsewhere, with commas in between: it can be compared with these. */
  @MayBeAbsent()
  @Matches(SIZES)
  zone_sizes?: string;

  /** Sizes of signed checkpoints that were kept elsewhere. */
  @MayBeAbsent()
  @Matches(SIZES)
  sizes?: string;
}

/** The numbers of a list that {@link AuditBundleQuery} has. */
export function sizesIn(list: string | undefined): readonly number[] {
  return list === undefined ? [] : list.split(',').map(Number);
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
