import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { COMPAT_SYSTEMS, type CompatSystem } from '../http/compat-routes.js';
import type { Env, LogFormat, RateLimit, UnauthenticatedRecords } from './env.js';
import { InvalidEnvironment, originOf, problemWith, withOrigin } from './environment-problems.js';
import {
  DEFAULT_PORT,
  EnvironmentVariables,
  MAX_WORKERS,
  VARIABLES,
} from './environment-variables.js';
import { LOG_LEVELS } from './log-level.js';
import type { EnvFile } from './env-file.js';
import { readCheckpointPlaces } from './checkpoint-places.js';
import { readKeyCustody } from './key-custody.js';
import { looksWeak } from './key-material.js';
import { timeLimits } from './time-limits.js';
import { leastConnections } from '../database/pool-sizes.js';
import { isDatabaseUrl } from './database-url.js';
import { readOtelSettings } from './otel-settings.js';
import { isRedisUrl } from './redis-url.js';

/** Options of {@link readEnv}. */
export interface EnvOptions {
  readonly file?: EnvFile | null;
  readonly opens?: boolean;
}

/**
 * Reads the environment; `NAME_FILE` names a file that holds the value of `NAME`.
 *
 * @param file that a part of it came from, for what is said of that
 * @param opens whether the process opens what is sealed: what only changes tables needs no key
 * @throws {InvalidEnvironment} naming every problem at once
 */
export function readEnv(
  source: NodeJS.ProcessEnv = process.env,
  { file = null, opens = true }: EnvOptions = {},
): Env {
  const problems: string[] = [];
  const given: Record<string, string> = {};
  for (const name of VARIABLES) {
    const value = readVariable(source, name, problems);
    if (value !== undefined && value !== '') given[name] = value;
  }
  const parsed = plainToInstance(EnvironmentVariables, given, { exposeDefaultValues: true });
  // A variable for which no rule was written is refused as well.
  for (const error of validateSync(parsed, { whitelist: true, forbidNonWhitelisted: true })) {
    problems.push(problemWith(error));
  }
  if (parsed.PORT !== 0 && parsed.PORT === parsed.INTERNAL_PORT) {
    problems.push(`INTERNAL_PORT is ${parsed.PORT}, as PORT is: it must be another one`);
  }
  const custody = readKeyCustody(
    parsed,
    originOf('KEY_ENCRYPTION_KEY', source, file),
    problems,
    opens,
  );
  const gatewayHmacKeys = readHmacKeys('GATEWAY_HMAC_KEY', parsed.GATEWAY_HMAC_KEY, problems);
  const streamsHmacKey = readHmacKey('STREAMS_HMAC_KEY', parsed.STREAMS_HMAC_KEY, problems);
  if (parsed.STREAMS_HMAC_KEY !== undefined && parsed.REDIS_URL === undefined) {
    problems.push('STREAMS_HMAC_KEY is set without REDIS_URL, where the stream is that it signs');
  }
  if (/^rediss?:\/\//.test(parsed.REDIS_URL ?? '') && !isRedisUrl(parsed.REDIS_URL ?? '')) {
    problems.push(
      'REDIS_URL is malformed: it must be like redis://user:password@host:6379/0, and what is special in a URL, such as / or # in a password, percent-encoded',
    );
  }
  if (parsed.DATABASE_URL !== undefined && !isDatabaseUrl(parsed.DATABASE_URL)) {
    problems.push('DATABASE_URL is malformed: it must be like postgres://user:password@host/name');
  }
  if ((parsed.WORKERS ?? 1) > mostWorkers(parsed.MAX_REQUESTS_IN_FLIGHT)) {
    problems.push('WORKERS must be at most a fourth of MAX_REQUESTS_IN_FLIGHT');
  }
  const fewest = leastConnections(parsed.WORKERS ?? 1);
  const { DATABASE_POOL_SIZE: connections = fewest } = parsed;
  if (connections < fewest && connections >= leastConnections(1)) {
    problems.push(`DATABASE_POOL_SIZE must be at least ${fewest} for ${parsed.WORKERS} WORKERS`);
  }
  const checkpointPlaces = readCheckpointPlaces(parsed, problems);
  const otel = readOtelSettings(source, problems);
  if (problems.length > 0) {
    throw new InvalidEnvironment(problems.map((problem) => withOrigin(problem, file)));
  }
  return {
    port: parsed.PORT,
    internalPort: parsed.INTERNAL_PORT,
    issuerUrl: parsed.ISSUER_URL ?? defaultIssuer(parsed.PORT, parsed.DATABASE_URL !== undefined),
    databaseUrl: parsed.DATABASE_URL,
    connections: parsed.DATABASE_POOL_SIZE,
    limits: timeLimits(parsed.DATABASE_TIMEOUT_MS, parsed.REQUEST_TIMEOUT_MS),
    dataDir: resolve(parsed.DATA_DIR),
    custody,
    adminTokens: listed(parsed.ADMIN_TOKEN),
    gatewayHmacKeys,
    metricsTokens: listed(parsed.METRICS_TOKEN),
    clientRateLimit: readRateLimit(parsed.RATE_LIMIT_CLIENT),
    zoneRateLimit: readRateLimit(parsed.RATE_LIMIT_ZONE),
    redisUrl: parsed.REDIS_URL,
    streamsHmacKey,
    unauthenticatedRecords: readUnauthenticatedRecords(parsed.AUDIT_UNAUTHENTICATED),
    maxRequestsInFlight: parsed.MAX_REQUESTS_IN_FLIGHT,
    feedReaders: parsed.MAX_FEED_READERS,
    requestTimeoutMs: parsed.REQUEST_TIMEOUT_MS,
    workers: parsed.WORKERS,
    snapshotBytes: parsed.SNAPSHOT_MEMORY * 1_024 * 1_024,
    expiryOnlySeconds: parsed.EXPIRY_ONLY_MAX_TTL_SECONDS,
    statusListSeconds: parsed.STATUS_LIST_SECONDS,
    checkpointSeconds: parsed.CHECKPOINT_SECONDS,
    checkpointPlaces,
    retention: {
      auditDays: parsed.AUDIT_RETENTION_DAYS,
      endedDays: parsed.ENDED_RETENTION_DAYS,
      deliveryDays: parsed.DELIVERY_RETENTION_DAYS,
    },
    directRoutes: parsed.DIRECT_ROUTES === 'true',
    remembersDecisions: parsed.REMEMBER_DECISIONS === 'true',
    compatPaths: compatPathsOf(parsed.COMPAT_PATHS, parsed.DATABASE_URL !== undefined),
    compatDefaultZone: parsed.COMPAT_DEFAULT_ZONE,
    logLevel: parsed.LOG_LEVEL,
    logFormat: logFormatOf(parsed.LOG_FORMAT),
    otel,
    startSeconds: parsed.START_SECONDS,
    stopSeconds: parsed.STOP_SECONDS,
    drainSeconds: parsed.DRAIN_SECONDS,
    trustProxy: parsed.TRUST_PROXY,
    allowInsecureFetch: parsed.ALLOW_INSECURE_FETCH === 'true',
    allowPrivateFetch: parsed.ALLOW_PRIVATE_FETCH === 'true',
  };
}

/** The least requests in flight that a worker has places for. */
const LEAST_PLACES = 4;

/** How many workers may share so many requests in flight, for each to have places enough. */
export function mostWorkers(maxRequestsInFlight: number): number {
  return Math.min(MAX_WORKERS, Math.floor(maxRequestsInFlight / LEAST_PLACES));
}

/** The environment for child processes: everything but our own variables, which may be secrets. */
export function childEnvironment(source: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const ours = new Set(VARIABLES.flatMap((name) => [name, `${name}_FILE`]));
  return Object.fromEntries(
    Object.entries(source).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !ours.has(entry[0]),
    ),
  );
}

function readVariable(
  source: NodeJS.ProcessEnv,
  name: string,
  problems: string[],
): string | undefined {
  const file = source[`${name}_FILE`];
  if (file === undefined || file === '') return source[name];
  if (source[name] !== undefined && source[name] !== '') {
    problems.push(`${name} and ${name}_FILE are both set`);
    return undefined;
  }
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    problems.push(`${name}_FILE names a file that does not exist or cannot be read`);
    return undefined;
  }
}

/** The values of a variable that may have two, with white space between them. */
function listed(text: string | undefined): readonly string[] {
  return [...new Set(text?.split(/\s+/) ?? [])];
}

/** One key, or two with white space between them, while the one takes the place of the other. */
function readHmacKeys(
  name: string,
  text: string | undefined,
  problems: string[],
): readonly Buffer[] {
  const texts = listed(text);
  if (texts.length > 2)
    problems.push(`${name} must be one key, or two with white space between them`);
  return texts.flatMap((each) => readHmacKey(name, each, problems) ?? []);
}

function readHmacKey(
  name: string,
  text: string | undefined,
  problems: string[],
): Buffer | undefined {
  if (text === undefined) return undefined;
  if (!/^(?:[0-9a-fA-F]{2}){32,}$/.test(text)) {
    problems.push(`${name} must be at least 32 bytes, in hex`);
    return undefined;
  }
  const key = Buffer.from(text, 'hex');
  if (looksWeak(key)) {
    problems.push(`${name} is not random; make one with: openssl rand -hex 32`);
    return undefined;
  }
  return key;
}

/**
 * Who mandates are from if nobody has said it. Replicas of a given database are one issuer, whatever their ports; the one
 * process of an embedded database is found at its own.
 */
function defaultIssuer(port: number, isGivenDatabase: boolean): string {
  return `http://localhost:${isGivenDatabase || port === 0 ? DEFAULT_PORT : port}`;
}

function logFormatOf(text: string): LogFormat {
  return text === 'json' || text === 'pretty' ? text : 'auto';
}

/** Where nobody has set anything up yet, all that there are. */
function compatPathsOf(given: string | undefined, isSetUp: boolean): readonly CompatSystem[] {
  if (given === undefined) return isSetUp ? [] : COMPAT_SYSTEMS;
  const named = given.split(',');
  return COMPAT_SYSTEMS.filter((system) => named.includes(system));
}

function readRateLimit(text: string): RateLimit {
  const [perSecond = 1, burst = 1] = text.split('/').map(Number);
  return { perSecond, burst };
}

function readUnauthenticatedRecords(text: string): UnauthenticatedRecords {
  const [ofAddress = 1, ofZone = 1, inAll = 1] = text.split('/').map(Number);
  return { ofAddress, ofZone, inAll };
}

/**
 * The level that `LOG_LEVEL_FILE` says now.
 *
 * @returns `null` if there is no such file, or no level in it
 */
export function readLogLevelFile(source: NodeJS.ProcessEnv = process.env): string | null {
  if ((source['LOG_LEVEL_FILE'] ?? '') === '') return null;
  const text = readVariable(source, 'LOG_LEVEL', []);
  return LOG_LEVELS.find((level) => level === text) ?? null;
}
