import { IsBoolean, IsIn, IsString } from 'class-validator';
import { MAX_CLAIMS_OF_SCOPE } from '../../mandates/scope-claims.js';
import {
  IsListOf,
  IsLine,
  IsScopeToken,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';
import { SearchQuery } from '../pagination.body.js';

/** A scope to be described for the whole zone. */
export class ScopeBody {
  /** A scope token (RFC 6749 3.3), unique in the zone. It cannot be changed. */
  @IsScopeToken()
  name: string;

  /** What it allows, in words for people who confirm requests, where a resource has none of its own. */
  @MayBeAbsent()
  @IsLine()
  description?: string;

  /** Whether it can be granted at all; yes if absent. */
  @MayBeAbsent()
  @IsBoolean()
  active?: boolean;

  /** The claims of a user that it lets into mandates, as the user's issuer says them: names of attributes, none of the token's own. */
  @MayBeAbsent()
  @IsListOf(MAX_CLAIMS_OF_SCOPE, IsString)
  claims?: string[];
}

/** What is to change of a scope, as a merge patch (RFC 7396): what is left out stays, and `null` takes away. */
export class ScopeChangeBody {
  /** As it is: it cannot be changed (409), since resources and policies name it. */
  @MayBeAbsent()
  @IsScopeToken()
  name?: string;

  /** Replaces what it allows, in words. */
  @MayBeNull()
  @IsLine()
  description?: string | null;

  /** Whether it can be granted from now on. */
  @MayBeAbsent()
  @IsBoolean()
  active?: boolean;

  /** Replaces the claims of a user that it lets into mandates; `null` for none. */
  @MayBeNull()
  @IsListOf(MAX_CLAIMS_OF_SCOPE, IsString)
  claims?: string[] | null;
}

/** The scopes to be listed. */
export class ScopesQuery extends SearchQuery {
  /** Only the one of this name. */
  @MayBeAbsent()
  @IsScopeToken()
  name?: string;

  /** Only those that are in use, or that are not. */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  active?: 'true' | 'false';

  /** Only those that every zone has, or the others. */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  is_system?: 'true' | 'false';
}
