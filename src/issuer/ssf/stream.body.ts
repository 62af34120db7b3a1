import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsObject,
  IsString,
  Matches,
  MaxLength,
  MinLength,
  ValidateNested,
} from 'class-validator';
import type { JsonObject } from '../../oauth/strict-json.js';
import { IsShortJson, MayBeNull } from '../../platform/http/validators.js';
import { POLL, PUSH, STREAM_STATES, type StreamStatus } from './stream.js';

/** How a receiver gets its events (OpenID SSF 1.0 6.1). */
export class DeliveryBody {
  /** `urn:ietf:rfc:8935` for push, `urn:ietf:rfc:8936` for poll. */
  @IsIn([PUSH, POLL])
  method: string;

  /** Where they are pushed to. Of poll it is ours to say. */
  @MayBeNull()
  @IsString()
  @MaxLength(2_000)
  endpoint_url?: string | null;

  /** The value of the header `Authorization` of every push. Sealed, and never shown. */
  @MayBeNull()
  @Matches(/^[!-~](?:[ -~]{0,1998}[!-~])?$/, {
    message: 'authorization_header must be 1 to 2000 printable ASCII characters',
  })
  authorization_header?: string | null;
}

/** A stream that a receiver wants (OpenID SSF 1.0 8.1.1.1). */
export class StreamBody {
  /** The types of event that it wants; all that there are if absent. Unknown ones are of no consequence. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(500, { each: true })
  events_requested?: string[] | null;

  /** Poll, if absent. */
  @MayBeNull()
  @IsObject()
  @ValidateNested()
  @Type(() => DeliveryBody)
  delivery?: DeliveryBody | null;

  /** What it is called among people. */
  @MayBeNull()
  @IsString()
  @MaxLength(1_000)
  description?: string | null;
}

/** What is to be otherwise of a stream, beside what the transmitter says of it, which must be what it is. */
export class StreamChangeBody extends StreamBody {
  @IsString()
  stream_id: string;
}

/** The state that a stream is to have (OpenID SSF 1.0 8.1.2.2). */
export class StatusBody {
  @IsString()
  stream_id: string;

  /** `paused`: what happens is kept, and sent later; `disabled`: it is not kept, nor is what waits. */
  @IsIn(STREAM_STATES)
  status: StreamStatus;

  /** Why, for people. */
  @MayBeNull()
  @IsString()
  @MaxLength(1_000)
  reason?: string | null;
}

/** A request to send a verification event (OpenID SSF 1.0 8.1.4.2). */
export class VerificationBody {
  @IsString()
  stream_id: string;

  /** What comes back in the event. */
  @MayBeNull()
  @IsString()
  @MinLength(1)
  @MaxLength(1_000)
  state?: string | null;
}

/** A subject that is to be on a stream, or off it (OpenID SSF 1.0 8.1.3.2). */
export class SubjectBody {
  @IsString()
  stream_id: string;

  /** A simple subject identifier (RFC 9493 3.2), or a complex one (OpenID SSF 1.0 3.2.2). */
  @IsObject()
  @IsShortJson()
  subject: JsonObject;
}
