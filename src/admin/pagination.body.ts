import { Type } from 'class-transformer';
import { IsOptional, IsUUID, Max, Min } from 'class-validator';
import { IsWholeNumber } from '../platform/http/validators.js';

/** How much of a list is shown to who does not say. */
export const PAGE_LIMIT = 100;

/** Which part of a list is asked for. Ids sort by time, so pages stay stable while things are added. */
export class PageQuery {
  /** How many at most. */
  @IsOptional()
  @Type(() => Number)
  @IsWholeNumber()
  @Min(1)
  @Max(500)
  limit?: number = PAGE_LIMIT;

  /** The id after which the page starts. */
  @IsOptional()
  @IsUUID()
  after?: string;
}
