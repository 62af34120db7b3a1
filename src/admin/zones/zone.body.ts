import { applyDecorators } from '@nestjs/common';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsString,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { LANGUAGES } from '../../zones/languages.js';
import { ISSUER_MODES, type IssuerMode } from '../../zones/zone-issuer.js';
import { INTROSPECTION_AUDITS, type IntrospectionAudit } from '../../zones/zone.entity.js';
import {
  IsListOf,
  IsLine,
  IsOrigin,
  IsResourceIdentifier,
  IsWholeNumber,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';
import { ApiProperty } from '../../platform/http/openapi-decorators.js';
import { SearchQuery } from '../pagination.body.js';
import { MAX_CHANGE_BUDGET } from '../policy/policy.body.js';
import { MAX_LOGO_TEXT } from './zone-logo.js';
import { MAX_DEFAULT_RESOURCES } from './default-resources.js';

/** The languages of a zone's pages: which of them are wrong, `readLanguages` says. */
const AreLanguages = (): PropertyDecorator =>
  applyDecorators(
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(LANGUAGES.length),
    ApiProperty({
      type: 'array',
      items: { type: 'string', enum: [...LANGUAGES] },
      minItems: 1,
      maxItems: LANGUAGES.length,
      uniqueItems: true,
    }),
  );

/** The most days for which a zone's audit log can be asked to be kept. */
const MAX_RETENTION_DAYS = 36_500;

/** How many recorded decisions an activation may change, as `max_changes` of one. */
const IsChangeBudget = (): PropertyDecorator =>
  applyDecorators(IsWholeNumber(), Min(0), Max(MAX_CHANGE_BUDGET));

/** A zone to be made. */
export class ZoneBody {
  /** Unique among zones. */
  @IsLine()
  name: string;

  /** The organisation, as people know it who are asked to confirm something; their pages have it above everything. */
  @MayBeAbsent()
  @IsLine()
  display_name?: string;

  /** Its logo, which pages show to people who confirm: `data:image/png;base64,…` of at most 64 KiB, 1,024 pixels each way. */
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_LOGO_TEXT)
  logo_uri?: string;

  /** The languages of its pages for people (BCP 47), the one that they are in where nobody prefers another first; English if absent. */
  @MayBeAbsent()
  @AreLanguages()
  languages?: string[];

  /** What it is for, in words for operators. */
  @MayBeAbsent()
  @IsLine()
  description?: string;

  /** Whether it cannot be removed until that is taken back; not if absent. */
  @MayBeAbsent()
  @IsBoolean()
  protected?: boolean;

  /**
   * What requests are for that name no `resource`, by identifier (RFC 8707 2), unless their client has some of its own. A
   * new zone has no resources yet, so they are to be registered afterwards.
   */
  @MayBeAbsent()
  @IsListOf(MAX_DEFAULT_RESOURCES, IsResourceIdentifier)
  default_resources?: string[];

  /** Who its mandates are from: the zone below `ISSUER_URL` (`zone`, the default), a host of its own, or `ISSUER_URL`. */
  @MayBeAbsent()
  @IsIn(ISSUER_MODES)
  issuer_mode?: IssuerMode;

  /** The issuer where the mode is `own`; unique among zones. Requests to its host are for the zone. */
  @MayBeAbsent()
  @IsOrigin()
  issuer_url?: string;

  /** Which introspections are recorded in the audit log; none by default. */
  @MayBeAbsent()
  @IsIn(INTROSPECTION_AUDITS)
  introspection_audit?: IntrospectionAudit;

  /** Whole days for which its audit log is kept at least; as long as that of the installation if absent, and never less. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(MAX_RETENTION_DAYS)
  retention?: number;

  /**
   * The most decisions that an activation of policies may change, as a replay has found; any number if absent. The first
   * activation is not held to it.
   */
  @MayBeAbsent()
  @IsChangeBudget()
  policy_max_changes?: number;
}

/** What is to change of a zone, as a merge patch (RFC 7396); what is left out stays, and `null` takes away. */
export class ZoneChangeBody {
  /** Replaces the name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Replaces what people who confirm know the organisation as; `null` for no name but Mandate. */
  @MayBeNull()
  @IsLine()
  display_name?: string | null;

  /** Replaces its logo: `data:image/png;base64,…`; where it is shown to be already means the same one. */
  @MayBeNull()
  @IsString()
  @MaxLength(MAX_LOGO_TEXT)
  logo_uri?: string | null;

  /** Replaces the languages of its pages for people (BCP 47), the preferred one first; `null` for English. */
  @MayBeNull()
  @AreLanguages()
  languages?: string[] | null;

  /** Replaces what it is for, in words for operators. */
  @MayBeNull()
  @IsLine()
  description?: string | null;

  /** Whether it cannot be removed until that is taken back. */
  @MayBeAbsent()
  @IsBoolean()
  protected?: boolean;

  /** Replaces what requests are for that name no `resource`. What is added must be registered. */
  @MayBeNull()
  @IsListOf(MAX_DEFAULT_RESOURCES, IsResourceIdentifier)
  default_resources?: string[] | null;

  /** Who its mandates are from, from now on. */
  @MayBeAbsent()
  @IsIn(ISSUER_MODES)
  issuer_mode?: IssuerMode;

  /** The issuer where the mode is `own`; unique among zones. Goes with that mode. */
  @MayBeNull()
  @IsOrigin()
  issuer_url?: string | null;

  /** Which introspections are recorded from now on; `null` for none. */
  @MayBeNull()
  @IsIn(INTROSPECTION_AUDITS)
  introspection_audit?: IntrospectionAudit | null;

  /** Whether its audit log is kept whole, however old, and it cannot be removed. */
  @MayBeAbsent()
  @IsBoolean()
  legal_hold?: boolean;

  /** Replaces the whole days for which its audit log is kept at least; `null`: as long as that of the installation. */
  @MayBeNull()
  @IsWholeNumber()
  @Min(1)
  @Max(MAX_RETENTION_DAYS)
  retention?: number | null;

  /** Replaces the most decisions that an activation of policies may change, as a replay has found; `null`: any number. */
  @MayBeNull()
  @IsChangeBudget()
  policy_max_changes?: number | null;
}

/** The zones to be listed. */
export class ZonesQuery extends SearchQuery {
  /** Only the one of this name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;
}
