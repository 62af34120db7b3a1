import { IsLine, MayBeAbsent } from '../../platform/http/validators.js';

/** A zone to be made. */
export class ZoneBody {
  /** Unique among zones. */
  @IsLine()
  name: string;
}

/** What is to change of a zone, as a merge patch (RFC 7396); what is left out stays. */
export class ZoneChangeBody {
  /** Replaces the name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;
}
