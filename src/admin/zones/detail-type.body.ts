import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsString,
  Length,
  Matches,
  Max,
  Min,
} from 'class-validator';
import {
  MAX_TEXT,
  MEMBER_KINDS,
  NARROWINGS,
  type DetailMember,
  type DetailType,
  type MemberKind,
  type Narrowing,
} from '../../oauth/authorization-details/detail-type.js';
import {
  IsListOfBodies,
  IsLine,
  IsScopeToken,
  MayBeAbsent,
  IsWholeNumber,
} from '../../platform/http/validators.js';

/** The most types that a resource declares. */
export const MAX_DETAIL_TYPES = 20;
const MAX_MEMBERS = 100;

/** A member of a type of authorization details. */
export class DetailMemberBody implements DetailMember {
  /** A letter, then letters, digits, `_` and `-`. */
  @Matches(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, {
    message: 'name must be a letter, then letters, digits, _ and -, at most 64',
  })
  name: string;

  /** What it is. A `decimal` is a number in a text, such as `"45.00"`, which is compared exactly. */
  @IsIn(MEMBER_KINDS)
  value: MemberKind;

  /** Whether every detail of the type has it. */
  @MayBeAbsent()
  @IsBoolean()
  required?: boolean;

  /** How it may differ from what it is narrowed from: `subset` if absent for `actions`, `datatypes` and `privileges`, else `equal`. */
  @MayBeAbsent()
  @IsIn(NARROWINGS)
  narrows?: Narrowing;

  /** The texts that it can be; any if absent. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @Length(1, 200, { each: true })
  one_of?: string[];

  /** The most characters of a text. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(MAX_TEXT)
  max_length?: number;

  /** Whether its value is kept from policy and from the audit log. */
  @MayBeAbsent()
  @IsBoolean()
  private?: boolean;

  /** Those of an object. */
  @MayBeAbsent()
  @IsListOfBodies(MAX_MEMBERS, () => DetailMemberBody)
  members?: DetailMemberBody[];
}

/** A type of authorization details (RFC 9396 2.1). */
export class DetailTypeBody implements DetailType {
  /** As requests name it. */
  @Matches(/^[\x21\x23-\x5B\x5D-\x7E]{1,100}$/, {
    message:
      'type must be 1 to 100 printable ASCII characters without space, quotes and backslashes',
  })
  type: string;

  /** A sentence for the people who confirm requests, with paths of members in braces: `Pay {amount} to {creditor.name}`. */
  @MayBeAbsent()
  @IsLine()
  display?: string;

  /** The scope without which nobody can ask for a detail of this type. */
  @MayBeAbsent()
  @IsScopeToken()
  scope?: string;

  /** What its details consist of, beside `type` and `locations`. */
  @IsListOfBodies(MAX_MEMBERS, () => DetailMemberBody)
  members: DetailMemberBody[];
}

/** The types as they are stored: plain objects. */
export function plainTypes(types: readonly DetailTypeBody[]): DetailType[] {
  return types.map(({ type, display, scope, members }) => ({
    type,
    ...(display === undefined ? {} : { display }),
    ...(scope === undefined ? {} : { scope }),
    members: members.map(plainMember),
  }));
}

function plainMember({ members, ...member }: DetailMember): DetailMember {
  return { ...member, ...(members === undefined ? {} : { members: members.map(plainMember) }) };
}
