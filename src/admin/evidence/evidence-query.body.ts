import { Type } from 'class-transformer';
import { IsOptional, Max, Min } from 'class-validator';
import { IsWholeNumber } from '../../platform/http/validators.js';
import { LimitQuery } from '../pagination.body.js';

/** Which part of a list of checkpoints is asked for. */
export class CheckpointQuery extends LimitQuery {
  /** The size after which the page starts: those that are smaller. */
  @IsOptional()
  @Type(() => Number)
  @IsWholeNumber()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after?: number;
}

/** Of which checkpoint an event is proved. */
export class ProofQuery {
  /** The size of one of its zone; absent: the newest. */
  @IsOptional()
  @Type(() => Number)
  @IsWholeNumber()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  size?: number;
}

/** Between which sizes of a log it is to be proved that it has grown. */
export class GrowthQuery {
  @Type(() => Number)
  @IsWholeNumber()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  from: number;

  @Type(() => Number)
  @IsWholeNumber()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  to: number;
}
