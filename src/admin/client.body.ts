import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsString,
  Length,
} from 'class-validator';
import { AUTH_METHODS } from './client-registration.js';
import { IsInstant, IsLine, MayBeAbsent } from '../http/text.js';

/** A client to be registered. */
export class ClientBody {
  /** Unique in the zone. */
  @IsLine()
  name: string;

  /** What policies can tell clients apart by. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(50)
  @IsLine({ each: true })
  labels?: string[];

  /** Groups that policies can name: `principal in Group::"…"`. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(50)
  @IsLine({ each: true })
  groups?: string[];

  /** How it may authenticate (RFC 7591 2); all that there are by default. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @IsIn(AUTH_METHODS, { each: true })
  auth_methods?: string[];
}

/** What is to change of a client; what is left out stays. */
export class ClientChangeBody {
  /** A disabled client is refused everywhere, at once. */
  @MayBeAbsent()
  @IsBoolean()
  disabled?: boolean;

  /** Replaces the labels. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(50)
  @IsLine({ each: true })
  labels?: string[];

  /** Replaces the groups. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(50)
  @IsLine({ each: true })
  groups?: string[];
}

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
