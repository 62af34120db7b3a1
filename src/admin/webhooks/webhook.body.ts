import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsOptional, IsString } from 'class-validator';
import { MayBeAbsent } from '../../platform/http/validators.js';
import { EVENT_TYPES } from '../../webhooks/webhooks.service.js';
import { PageQuery } from '../pagination.body.js';

/** A webhook to be registered. */
export class WebhookBody {
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

/** A webhook to be switched on or off. */
export class WebhookChangeBody {
  @IsBoolean()
  enabled: boolean;
}

/** Which deliveries are asked for. */
export class DeliveriesQuery extends PageQuery {
  /** Where they are now. */
  @IsOptional()
  @IsIn(['pending', 'delivered', 'dead'])
  state?: 'pending' | 'delivered' | 'dead';
}
