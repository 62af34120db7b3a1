import { IsIn, Max, Min } from 'class-validator';
import { LOG_LEVELS } from '../../platform/config/log-level.js';
import { IsWholeNumber, MayBeAbsent } from '../../platform/http/validators.js';

/** What is to be logged from now on. */
export class LogLevelBody {
  /** As in `LOG_LEVEL`. */
  @IsIn(LOG_LEVELS)
  level: string;

  /** Seconds after which the level of `LOG_LEVEL` is back; until it is changed again, or the process ends, if absent. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(86_400)
  for_seconds?: number;
}
