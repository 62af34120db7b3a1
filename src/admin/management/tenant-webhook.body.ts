import { ArrayMaxSize, IsArray, IsIn, IsString, MaxLength } from 'class-validator';
import { IsLine, MayBeNull } from '../../platform/http/validators.js';
import { EVENT_TYPES } from '../../webhooks/event-types.js';

/** A webhook to be registered. */
export class TenantWebhookBody {
  /** What it is called, unique in the tenant, or among webhooks of several. */
  @IsLine()
  name: string;

  /** Where to. */
  @IsString()
  url: string;

  /** The tenants whose events it is sent, by id or name; `*` alone for all. No patterns. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  tenant_ids: string[];

  /** The types of event that are wanted; all about challenges if empty. */
  @MayBeNull()
  @IsArray()
  @ArrayMaxSize(EVENT_TYPES.length)
  @IsIn(EVENT_TYPES, { each: true })
  events?: string[] | null;
}
