import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  IsUUID,
} from 'class-validator';
import { IsInstant, IsLine, MayBeAbsent, MayBeNull } from '../../platform/http/validators.js';
import { EVENT_TYPES } from '../../webhooks/webhooks.service.js';
import { PageQuery, SearchQuery } from '../pagination.body.js';

/** A webhook to be registered. */
export class WebhookBody {
  /** What it is called, unique in the zone. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Where to. https, and not in a private network, unless the service allows that. */
  @IsString()
  url: string;

  /** The types of event that are wanted; all about challenges if absent or empty. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(EVENT_TYPES.length)
  @IsIn(EVENT_TYPES, { each: true })
  events?: string[];
}

/** What is to change of a webhook, as a merge patch (RFC 7396): what is left out stays, and `null` takes away. */
export class WebhookChangeBody {
  /** Replaces the name. */
  @MayBeNull()
  @IsLine()
  name?: string | null;

  /** Replaces where to. What waits to be sent goes there, too. */
  @MayBeAbsent()
  @IsString()
  url?: string;

  /** Replaces the types of event; all about challenges if empty or `null`. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(EVENT_TYPES.length)
  @IsIn(EVENT_TYPES, { each: true })
  events?: string[] | null;

  /** Switches it on or off. While it is off, events do not come to its notice, not even later. */
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;
}

/** Which webhooks are asked for. */
export class WebhooksQuery extends SearchQuery {
  /** The one of this name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Those that are switched on (`true`), or off (`false`). */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  enabled?: 'true' | 'false';
}

/** Which deliveries are asked for. */
export class DeliveriesQuery extends PageQuery {
  /** Where they are now. */
  @IsOptional()
  @IsIn(['pending', 'delivered', 'dead'])
  state?: 'pending' | 'delivered' | 'dead';
}

/** Which deliveries are to be sent again. */
export class ReplayBody {
  /** Those of events of this moment and after. */
  @IsInstant()
  from: string;

  /** Those of events before this moment; now if absent. */
  @MayBeAbsent()
  @IsInstant()
  to?: string;

  /** Those of events of these types; all if absent. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(EVENT_TYPES.length)
  @IsIn(EVENT_TYPES, { each: true })
  events?: string[];

  /** Those that were given up (`dead`), or were received already (`delivered`); both if absent. */
  @MayBeAbsent()
  @IsIn(['delivered', 'dead'])
  state?: 'delivered' | 'dead';

  /** The delivery after which it goes on: `next` of the answer before. */
  @MayBeAbsent()
  @IsUUID()
  after?: string;
}
