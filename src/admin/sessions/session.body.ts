import { IsUUID } from 'class-validator';

/** A mandate to be revoked. */
export class RevocationBody {
  /** The `jti` of a mandate of this zone. */
  @IsUUID()
  jti: string;
}
