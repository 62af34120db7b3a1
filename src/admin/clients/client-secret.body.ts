import { IsString, Length } from 'class-validator';
import { IsInstant, IsLine, MayBeAbsent, MayBeNull } from '../../platform/http/validators.js';

/** A secret to be added. */
export class ClientSecretBody {
  /** A secret that exists elsewhere already. Without it the server draws one, which is better. */
  @MayBeAbsent()
  @IsString()
  @Length(8, 200)
  @IsLine()
  secret?: string;

  /** When it stops working. */
  @MayBeAbsent()
  @IsInstant()
  expires_at?: string;
}

/** What is to change of a secret, as a merge patch (RFC 7396). */
export class ClientSecretChangeBody {
  /** Replaces when it stops working; `null` for when it is revoked. */
  @MayBeNull()
  @IsInstant()
  expires_at?: string | null;
}
