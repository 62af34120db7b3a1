import { Type } from 'class-transformer';
import { IsOptional, Max, Min } from 'class-validator';
import { IsWholeNumber } from '../../platform/http/validators.js';
import { LimitQuery } from '../pagination.body.js';

/** The most events that are left out before a part: who wants more goes on by `after`, at the route of ours. */
const MOST_LEFT_OUT = 10_000;

/** Which part of the audit log of a tenant is asked for. The header `Link` of the answer has where it goes on. */
export class TenantAuditQuery extends LimitQuery {
  /** How many of the newest are left out. */
  @IsOptional()
  @Type(() => Number)
  @IsWholeNumber()
  @Min(0)
  @Max(MOST_LEFT_OUT)
  offset?: number = 0;
}
