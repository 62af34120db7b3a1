import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsObject,
  IsString,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import type { JsonObject } from '../../oauth/strict-json.js';
import { IsWholeNumber, MayBeNull } from '../../platform/http/validators.js';

/** A poll (RFC 8936 2.4). */
export class PollBody {
  /** How many events at most; 0 to acknowledge only. As many as there are room for, if absent. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  maxEvents?: number | null;

  /** Whether the answer comes at once, whether or not there is something. */
  @MayBeNull()
  @IsBoolean()
  returnImmediately?: boolean | null;

  /** The `jti`s of events that were received, and need not be sent again. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(10_000)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  ack?: string[] | null;

  /** By `jti`, what was wrong with events that were received. They are not sent again either. */
  @MayBeNull()
  @IsObject()
  setErrs?: JsonObject | null;
}
