import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsObject,
  IsUrl,
  IsUUID,
  Matches,
  ValidateNested,
} from 'class-validator';
import { IsLine, IsPrincipal, MayBeAbsent } from '../platform/http/text.js';

/** Whoever has confirmed or refused it. */
export class PersonBody {
  /** What the person is called. */
  @IsPrincipal()
  sub: string;

  /** Whose name that is. */
  @MayBeAbsent()
  @IsUrl({ require_protocol: true, require_tld: false, protocols: ['https', 'http'] })
  iss?: string;
}

/** What a proof system has found out. */
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

  /** Who it was. */
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
