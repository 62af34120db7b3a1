import 'reflect-metadata';
import { instanceToPlain, Transform } from 'class-transformer';
import { IsIn, IsOptional, IsString, Length, Matches, ValidateBy } from 'class-validator';
import { leastConnections } from '../database/pool-sizes.js';
import { COMPAT_SYSTEMS } from '../http/compat-routes.js';
import { LOG_LEVELS } from './log-level.js';
import { DATABASE_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './time-limits.js';

/** A rate limit as written: requests a second, `/`, requests beyond that. */
const RATE_LIMIT = /^[1-9][0-9]{0,6}\/[1-9][0-9]{0,6}$/;

/** Three whole numbers: for an address, for a zone, in all. */
const AUDIT_UNAUTHENTICATED = /^[1-9][0-9]{0,6}\/[1-9][0-9]{0,6}\/[1-9][0-9]{0,6}$/;

/** Systems of which each is named once at most, or the word for none of them. */
const COMPAT_PATHS = new RegExp(
  `^(?:none|(?!.*\\b(\\w+)\\b.*\\b\\1\\b)(?:${COMPAT_SYSTEMS.join('|')})(?:,(?:${COMPAT_SYSTEMS.join('|')}))*)$`,
);

/** Where the public endpoints are if nobody says. */
export const DEFAULT_PORT = 8080;

/** The most workers of one replica. */
export const MAX_WORKERS = 256;

/** A whole number in plain decimal, from `least` to `most`. Anything else stays text, which is refused. */
const WholeNumber =
  (least: number, most: number): PropertyDecorator =>
  (target, property) => {
    const rules = [
      ValidateBy({
        name: 'wholeNumber',
        validator: {
          validate: (value) => Number.isInteger(value) && value >= least && value <= most,
          defaultMessage: () => `$property must be a whole number from ${least} to ${most}`,
        },
      }),
      Transform(({ value }) =>
        typeof value === 'string' && /^[0-9]{1,9}$/.test(value) ? Number(value) : value,
      ),
    ];
    for (const rule of rules) rule(target, property);
  };

/** One of a few words. */
const OneOf = (...words: readonly string[]): PropertyDecorator =>
  IsIn(words, { message: `$property must be one of ${words.join(', ')}` });

/**
 * A bearer key that fits a header (RFC 6750 2.1) and is long enough not to be guessed; or two with white space between
 * them, the one that is used from now on, and the one that is still good while it is changed.
 */
const BearerKeys = (): PropertyDecorator =>
  Matches(/^[!-~]{16,}(\s+[!-~]{16,})?$/, {
    message:
      '$property must be at least 16 printable ASCII characters without spaces, or two such keys with white space between them',
  });

/** The environment variables with their defaults, in the order of `.env.example`. */
export class EnvironmentVariables {
  @WholeNumber(0, 65535)
  PORT: number = DEFAULT_PORT;

  @IsOptional()
  @WholeNumber(0, 65535)
  INTERNAL_PORT?: number;

  @IsOptional()
  @Matches(/^https?:\/\/[^\s?#/]+(\/[^\s?#]*[^\s?#/])?$/, {
    message: 'ISSUER_URL must be an http(s) URL without query, fragment or trailing slash',
  })
  ISSUER_URL?: string;

  @IsOptional()
  @Matches(/^postgres(ql)?:\/\//, { message: 'DATABASE_URL must start with postgres://' })
  DATABASE_URL?: string;

  @IsOptional()
  @WholeNumber(leastConnections(1), 10_000)
  DATABASE_POOL_SIZE?: number;

  @WholeNumber(100, 30_000)
  DATABASE_TIMEOUT_MS: number = DATABASE_TIMEOUT_MS;

  @IsString()
  DATA_DIR: string = '.mandate';

  @IsOptional()
  @IsString()
  KEY_ENCRYPTION_KEY?: string;

  @IsOptional()
  @IsString()
  KEY_ENCRYPTION_KEY_PREVIOUS?: string;

  @OneOf('env', 'vault')
  KEY_ENCRYPTION_PROVIDER: string = 'env';

  @IsOptional()
  @Matches(/^https?:\/\/[^\s?#/@]+$/, {
    message: 'VAULT_ADDR must be an http(s) URL without path, query or credentials',
  })
  VAULT_ADDR?: string;

  @IsOptional()
  @IsString()
  VAULT_TOKEN_FILE?: string;

  @Matches(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/, {
    message: 'VAULT_TRANSIT_MOUNT must be a path such as transit',
  })
  VAULT_TRANSIT_MOUNT: string = 'transit';

  @IsOptional()
  @Matches(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/, {
    message: 'VAULT_TRANSIT_KEY must be the name of a key',
  })
  VAULT_TRANSIT_KEY?: string;

  @OneOf('local', 'socket')
  SIGNER: string = 'local';

  @IsOptional()
  @Matches(/^\//, { message: 'SIGNER_SOCKET must be an absolute path' })
  SIGNER_SOCKET?: string;

  @IsOptional()
  @BearerKeys()
  ADMIN_TOKEN?: string;

  @IsOptional()
  @IsString()
  GATEWAY_HMAC_KEY?: string;

  @IsOptional()
  @BearerKeys()
  METRICS_TOKEN?: string;

  @Matches(RATE_LIMIT, { message: 'RATE_LIMIT_CLIENT must be like 2000/10000' })
  RATE_LIMIT_CLIENT: string = '2000/10000';

  @Matches(RATE_LIMIT, { message: 'RATE_LIMIT_ZONE must be like 5000/20000' })
  RATE_LIMIT_ZONE: string = '5000/20000';

  @IsOptional()
  @Matches(/^rediss?:\/\//, { message: 'REDIS_URL must start with redis:// or rediss://' })
  REDIS_URL?: string;

  @IsOptional()
  @IsString()
  STREAMS_HMAC_KEY?: string;

  @Matches(AUDIT_UNAUTHENTICATED, {
    message: 'AUDIT_UNAUTHENTICATED must be like 100/1000/5000',
  })
  AUDIT_UNAUTHENTICATED: string = '100/1000/5000';

  @WholeNumber(8, 100_000)
  MAX_REQUESTS_IN_FLIGHT: number = 512;

  @WholeNumber(8, 100_000)
  MAX_FEED_READERS: number = 2_000;

  @WholeNumber(500, 60_000)
  REQUEST_TIMEOUT_MS: number = REQUEST_TIMEOUT_MS;

  @IsOptional()
  @WholeNumber(1, MAX_WORKERS)
  WORKERS?: number;

  @WholeNumber(16, 65_536)
  SNAPSHOT_MEMORY: number = 256;

  @WholeNumber(30, 900)
  EXPIRY_ONLY_MAX_TTL_SECONDS: number = 300;

  @WholeNumber(1, 300)
  STATUS_LIST_SECONDS: number = 30;

  @WholeNumber(1, 3_600)
  CHECKPOINT_SECONDS: number = 60;

  @IsOptional()
  @Matches(/^\//, { message: 'CHECKPOINT_DIRECTORY must be an absolute path' })
  CHECKPOINT_DIRECTORY?: string;

  @IsOptional()
  @IsString()
  CHECKPOINT_BUCKET_URL?: string;

  @Matches(/^[a-z0-9-]{1,64}$/, { message: 'CHECKPOINT_BUCKET_REGION must be like eu-central-1' })
  CHECKPOINT_BUCKET_REGION: string = 'us-east-1';

  @IsOptional()
  @IsString()
  CHECKPOINT_BUCKET_KEY_ID?: string;

  @IsOptional()
  @IsString()
  CHECKPOINT_BUCKET_KEY_SECRET?: string;

  @IsOptional()
  @IsString()
  CHECKPOINT_WITNESS_URL?: string;

  @IsOptional()
  @IsString()
  CHECKPOINT_WITNESS_KEY?: string;

  @IsOptional()
  @WholeNumber(2, 36_500)
  AUDIT_RETENTION_DAYS?: number;

  @WholeNumber(2, 90)
  ENDED_RETENTION_DAYS: number = 2;

  @WholeNumber(2, 90)
  DELIVERY_RETENTION_DAYS: number = 30;

  @OneOf('true', 'false')
  DIRECT_ROUTES: string = 'true';

  @OneOf('true', 'false')
  REMEMBER_DECISIONS: string = 'true';

  @IsOptional()
  @Matches(COMPAT_PATHS, {
    message: `COMPAT_PATHS must be none, or some of ${COMPAT_SYSTEMS.join(',')}, separated by commas`,
  })
  COMPAT_PATHS?: string;

  @IsOptional()
  @Length(1, 200, { message: '$property must be the id or the name of a zone' })
  COMPAT_DEFAULT_ZONE?: string;

  @OneOf(...LOG_LEVELS)
  LOG_LEVEL: string = 'info';

  @OneOf('auto', 'json', 'pretty')
  LOG_FORMAT: string = 'auto';

  @WholeNumber(1, 3_600)
  START_SECONDS: number = 60;

  @WholeNumber(2, 600)
  STOP_SECONDS: number = 10;

  @WholeNumber(0, 60)
  DRAIN_SECONDS: number = 0;

  @WholeNumber(0, 10)
  TRUST_PROXY: number = 0;

  @OneOf('true', 'false')
  ALLOW_INSECURE_FETCH: string = 'false';

  @OneOf('true', 'false')
  ALLOW_PRIVATE_FETCH: string = 'false';
}

/** The default of each variable, in the order of `.env.example`; `undefined` for one that has none. */
export const DEFAULTS: Readonly<Record<string, string | number | undefined>> = instanceToPlain(
  new EnvironmentVariables(),
);

/** The names of all variables that are read, in the order of `.env.example`. */
export const VARIABLES: readonly string[] = Object.keys(DEFAULTS);
