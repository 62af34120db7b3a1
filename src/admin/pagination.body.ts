import { IsOptional, IsUUID } from 'class-validator';
import { IsLimit, IsLine, IsSearchText, MayBeAbsent } from '../platform/http/validators.js';

/** How much of a list is shown to who does not say. */
export const PAGE_LIMIT = 100;

/** How much of a list is asked for. */
export class LimitQuery {
  /** How many at most. */
  @IsLimit()
  limit?: number = PAGE_LIMIT;
}

/** Which part of a list is asked for. Ids sort by time, so pages stay stable while things are added. */
export class PageQuery extends LimitQuery {
  /** The id after which the page starts. */
  @IsOptional()
  @IsUUID()
  after?: string;
}

/** The same for a list that can be searched. Lists of it add filters by exact value, such as `name`. */
export class SearchQuery extends PageQuery {
  /** Only what has this in its name, description or identifier, in upper or lower case alike. */
  @MayBeAbsent()
  @IsSearchText()
  search?: string;
}

/** The same for a list of what has a name of its own in its zone. */
export class NamedQuery extends SearchQuery {
  /** The one of this name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;
}
