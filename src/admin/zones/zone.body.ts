import { ArrayMaxSize, IsArray, IsBoolean } from 'class-validator';
import {
  IsLine,
  IsResourceIdentifier,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';
import { MAX_DEFAULT_RESOURCES } from './default-resources.js';

/** A zone to be made. */
export class ZoneBody {
  /** Unique among zones. */
  @IsLine()
  name: string;

  /**
   * What requests are for that name no `resource`, by identifier (RFC 8707 2), unless their client has some of its own. A
   * new zone has no resources yet, so they are to be registered afterwards.
   */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_DEFAULT_RESOURCES)
  @IsResourceIdentifier({ each: true })
  default_resources?: string[];
}

/** What is to change of a zone, as a merge patch (RFC 7396); what is left out stays, and `null` takes away. */
export class ZoneChangeBody {
  /** Replaces the name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Replaces what requests are for that name no `resource`. What is added must be registered. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(MAX_DEFAULT_RESOURCES)
  @IsResourceIdentifier({ each: true })
  default_resources?: string[] | null;

  /** Whether its audit log is kept whole, however old, and it cannot be removed. */
  @MayBeAbsent()
  @IsBoolean()
  legal_hold?: boolean;
}
