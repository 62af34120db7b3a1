import { Max, Min } from 'class-validator';
import { IsWholeNumber, MayBeAbsent } from '../../platform/http/validators.js';

/** How far back an analysis goes if nothing is said. */
export const DEFAULT_DAYS = 30;

/** How much of the audit log is looked at. */
export class AccessAnalysisBody {
  /** How many days back it goes, from now on. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(90)
  days?: number = DEFAULT_DAYS;
}
