import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  IsUUID,
} from 'class-validator';
import { isUuid } from '../../oauth/vocabulary.js';
import {
  check,
  IsInstant,
  IsLine,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';
import { EVENT_TYPES } from '../../webhooks/event-types.js';
import { PageQuery, SearchQuery } from '../pagination.body.js';
import { ALL_ZONES } from './webhook-view.js';

/** The most zones that a webhook names: for more, there is `*`. */
const MAX_ZONES = 200;

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

/** A list of zones: ids, each once, or `*` alone. */
const IsZoneList = (): PropertyDecorator => (target, property) => {
  IsArray()(target, property);
  ArrayMinSize(1)(target, property);
  ArrayMaxSize(MAX_ZONES)(target, property);
  ArrayUnique()(target, property);
  check(
    'isZoneList',
    'must be ids of zones, or "*" alone',
    (value) =>
      !Array.isArray(value) ||
      value.every((each) => typeof each === 'string' && isUuid(each)) ||
      (value.length === 1 && value[0] === ALL_ZONES),
  )()(target, property);
};

/** A webhook of the installation to be registered. */
export class InstallationWebhookBody extends WebhookBody {
  /** The zones that it is told of, by id; `*` alone for all, those of tomorrow too. */
  @IsZoneList()
  zone_ids: string[];
}

/** What is to change of a webhook of the installation, as a merge patch (RFC 7396). */
export class InstallationWebhookChangeBody extends WebhookChangeBody {
  /** Replaces the zones. What waits to be told of others is given up. */
  @MayBeAbsent()
  @IsZoneList()
  zone_ids?: string[];
}

/** Which webhooks of the installation are asked for. */
export class InstallationWebhooksQuery extends WebhooksQuery {
  /** Those that are told of this zone. */
  @MayBeAbsent()
  @IsUUID()
  zone?: string;
}

/** Which deliveries of a webhook of the installation are asked for. */
export class InstallationDeliveriesQuery extends DeliveriesQuery {
  /** Those of what happened in this zone. */
  @MayBeAbsent()
  @IsUUID()
  zone?: string;
}

/** Which deliveries of a webhook of the installation are to be sent again. */
export class InstallationReplayBody extends ReplayBody {
  /** Those of events of this zone; of all that it is told of if absent. */
  @MayBeAbsent()
  @IsUUID()
  zone_id?: string;
}
