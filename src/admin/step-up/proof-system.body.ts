import { ArrayMaxSize, IsArray, IsBoolean, Matches } from 'class-validator';
import { IsLine, MayBeAbsent, MayBeNull } from '../../platform/http/validators.js';

/** A proof system to be registered. */
export class ProofSystemBody {
  /** Unique in the zone. */
  @IsLine()
  name: string;

  /** The types of challenge that it may decide on; any if absent or empty. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(50)
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, { each: true, message: 'types must be names' })
  types?: string[];
}

/** What is to change of a proof system, as a merge patch (RFC 7396): what is left out stays. */
export class ProofSystemChangeBody {
  /** Replaces the name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Replaces the types of challenge that it may decide on; `null` or empty for any. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(50)
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, { each: true, message: 'types must be names' })
  types?: string[] | null;

  /** Whether nothing counts that it signs, until it is enabled again. */
  @MayBeNull()
  @IsBoolean()
  disabled?: boolean | null;
}
