import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsObject,
  IsUUID,
  Matches,
  ValidateNested,
} from 'class-validator';
import { IsLine, IsPrincipal, MayBeAbsent } from '../platform/http/validators.js';

/** The person who has confirmed or refused. */
export class PersonBody {
  /** The name of the person. */
  @IsPrincipal()
  sub: string;

  /** The issuer of the name: one that the zone trusts, or Mandate itself. Absent for names of ours, if that is clear. */
  @MayBeAbsent()
  @Matches(/^[!-~]{1,500}$/, { message: 'iss must be 1 to 500 printable ASCII characters' })
  iss?: string;
}

/** The report of a proof system: the decision of a person. */
export class ProofBody {
  /** The challenge of the path, again: this one is signed. */
  @IsUUID()
  challenge_id: string;

  @IsIn(['approved', 'rejected'])
  decision: 'approved' | 'rejected';

  /** Why, or how, for the audit log. */
  @IsLine()
  reason: string;

  /** The binding of what the person was shown. */
  @Matches(/^[0-9a-f]{64}$/, { message: 'binding must be 64 lower-case hex digits' })
  binding: string;

  /** The person. */
  @IsObject()
  @ValidateNested()
  @Type(() => PersonBody)
  by: PersonBody;

  /** How the person was authenticated (RFC 8176). */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(10)
  @Matches(/^[A-Za-z0-9_-]{1,32}$/, { each: true, message: 'amr must be names (RFC 8176)' })
  amr?: string[];
}
