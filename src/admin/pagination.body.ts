import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator';

/** Which part of a list is asked for. Ids sort by time, so pages stay stable while things are added. */
export class PageQuery {
  /** How many at most. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(500)
  limit: number = 100;

  /** The id after which the page starts. */
  @IsOptional()
  @IsUUID()
  after?: string;
}
