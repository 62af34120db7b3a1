import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsUUID,
  Matches,
} from 'class-validator';
import {
  check,
  IsInstant,
  IsLine,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';
import { SearchQuery } from '../pagination.body.js';
import { isNetwork } from './networks.js';
import { RESERVED_NAMES } from './operator.js';
import { ROLE_NAMES, type Role } from './roles.js';

/** The most zones that an operator is limited to. */
const MAX_ZONES = 200;
/** The most networks of one key. */
const MAX_NETWORKS = 50;

/** A name that cannot be taken for anything else that audit events name as `operator`. */
const IsOperatorName = (): PropertyDecorator => (target, property) => {
  IsLine()(target, property);
  Matches(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._@+-]*$/u, {
    message: '$property must be letters, digits, spaces and . _ @ + -',
  })(target, property);
  check(
    'isFreeName',
    `must be none of ${RESERVED_NAMES.join(', ')}`,
    (value) => typeof value !== 'string' || !RESERVED_NAMES.includes(value.toLowerCase()),
  )()(target, property);
};

/** An operator to be made. It has no key yet. */
export class OperatorBody {
  /** Unique among operators; what audit events name it by. */
  @IsOperatorName()
  name: string;

  /** What it is, for other operators. */
  @MayBeAbsent()
  @IsLine()
  description?: string;

  /** What it may do. */
  @IsIn(ROLE_NAMES)
  role: Role;

  /** The ids of the only zones that it may see; all if absent. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ZONES)
  @ArrayUnique()
  @IsUUID(undefined, { each: true })
  zones?: string[];
}

/** What is to change of an operator, as a merge patch (RFC 7396); what is left out stays, and `null` takes away. */
export class OperatorChangeBody {
  /** Replaces the name. */
  @MayBeAbsent()
  @IsOperatorName()
  name?: string;

  /** Replaces the description. */
  @MayBeNull()
  @IsLine()
  description?: string | null;

  /** Replaces the role. */
  @MayBeAbsent()
  @IsIn(ROLE_NAMES)
  role?: Role;

  /** Replaces the only zones that it may see; `null` for all. */
  @MayBeNull()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ZONES)
  @ArrayUnique()
  @IsUUID(undefined, { each: true })
  zones?: string[] | null;

  /** Whether none of its keys lets anybody in. */
  @MayBeAbsent()
  @IsBoolean()
  disabled?: boolean;
}

/** Which operators are listed. */
export class OperatorsQuery extends SearchQuery {
  /** Only the one of this name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Only those of this role. */
  @MayBeAbsent()
  @IsIn(ROLE_NAMES)
  role?: Role;

  /** Only those that are disabled, or only those that are not. */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  disabled?: 'true' | 'false';
}

/** A key to be drawn. */
export class OperatorKeyBody {
  /** Where it is kept, or what it is for. */
  @MayBeAbsent()
  @IsLine()
  description?: string;

  /** When it stops being good; never if absent. */
  @MayBeAbsent()
  @IsInstant()
  expires_at?: string;

  /** The networks that it may be used from (CIDR), such as `10.1.0.0/16`; any if absent. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_NETWORKS)
  @(check(
    'isNetwork',
    'must be addresses or networks such as 10.1.0.0/16',
    (value) => typeof value === 'string' && isNetwork(value),
  )({ each: true }))
  addresses?: string[];
}
