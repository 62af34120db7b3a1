import { IsIn, IsUUID } from 'class-validator';
import { AUTH_METHODS } from '../../authentication/authentication-methods.js';
import { IsLine, MayBeAbsent } from '../../platform/http/validators.js';
import { SearchQuery } from '../pagination.body.js';

/** The clients to be listed. */
export class ClientsQuery extends SearchQuery {
  /** The one of this name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Those of this application. */
  @MayBeAbsent()
  @IsLine()
  app_id?: string;

  /** Those that are disabled, or those that are not. */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  disabled?: 'true' | 'false';

  /** Those with this label. */
  @MayBeAbsent()
  @IsLine()
  label?: string;

  /** Those in this group. */
  @MayBeAbsent()
  @IsLine()
  group?: string;

  /** Those that may authenticate by this method. */
  @MayBeAbsent()
  @IsIn(AUTH_METHODS)
  auth_method?: string;
}

/** The clients of one zone to be listed. */
export class ClientsOfZoneQuery extends ClientsQuery {
  /** Whether each is shown with its secrets that are not revoked, without their values. */
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  secrets?: 'true' | 'false';
}

/** The clients of all zones to be listed. */
export class AllClientsQuery extends ClientsQuery {
  /** Those of this zone. */
  @MayBeAbsent()
  @IsUUID()
  zone?: string;

  /** The one of this id. */
  @MayBeAbsent()
  @IsUUID()
  id?: string;
}
