import { ArrayMaxSize, IsArray, Matches } from 'class-validator';
import { IsLine, MayBeAbsent } from '../../platform/http/validators.js';

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
