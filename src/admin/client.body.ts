import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsISO8601,
  IsOptional,
  IsString,
  Length,
} from 'class-validator';
import { AUTH_METHODS } from './client-registration.js';
import { IsLine } from './text.js';

/** A client to be registered. */
export class ClientBody {
  /** Unique in the zone. */
  @IsLine()
  name: string;

  /** What policies can tell clients apart by. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @IsLine({ each: true })
  labels?: string[];

  /** How it may authenticate (RFC 7591 2); all that there are by default. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @IsIn(AUTH_METHODS, { each: true })
  auth_methods?: string[];
}

/** What is to change of a client; what is left out stays. */
export class ClientChangeBody {
  /** A disabled client is refused everywhere, at once. */
  @IsOptional()
  @IsBoolean()
  disabled?: boolean;

  /** Replaces the labels. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @IsLine({ each: true })
  labels?: string[];
}

/** A secret to be added. */
export class ClientSecretBody {
  /** A secret that exists elsewhere already. Without it the server draws one, which is better. */
  @IsOptional()
  @IsString()
  @Length(8, 200)
  @IsLine()
  secret?: string;

  /** When it stops working. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  expires_at?: string;
}
