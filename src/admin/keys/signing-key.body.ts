import { IsBoolean, IsIn, Max, Min } from 'class-validator';
import { MayBeAbsent, IsWholeNumber } from '../../platform/http/validators.js';
import { DryRunQuery } from '../dry-run.body.js';
import { ZONE_ALGS, type ZoneAlg } from '../../oauth/algorithms.js';

/** How the signing key of a zone is to be rotated. */
export class RotateQuery extends DryRunQuery {
  /** `true` if a key leaked: whatever signs or has signed is withdrawn, and a new key signs at once. */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  emergency?: 'true' | 'false';

  /** Only the key of this algorithm; those of all algorithms in use if absent. */
  @MayBeAbsent()
  @IsIn(ZONE_ALGS)
  alg?: ZoneAlg;
}

/** What is to change about the signing keys of a zone. */
export class SigningKeySettingsBody {
  /** What mandates are signed with unless their resources ask for something else. */
  @MayBeAbsent()
  @IsIn(ZONE_ALGS)
  signing_alg?: ZoneAlg;

  /** After how many days a key is rotated by itself; 0 for never. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(0)
  @Max(3_650)
  rotation_days?: number;

  /** Whether the key set has a certificate with each key (`x5c`). */
  @MayBeAbsent()
  @IsBoolean()
  publish_x5c?: boolean;
}
