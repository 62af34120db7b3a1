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

/** One part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** What to give as `after` for the next part; absent at the end. */
  readonly next?: string;
}

/** Makes a page of one more row than was asked for. */
export function pageOf<R extends { id: string }, T>(
  rows: readonly R[],
  limit: number,
  view: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(view), ...(more ? { next: last.id } : {}) };
}
