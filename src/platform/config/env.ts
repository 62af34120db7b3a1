import type { ZoneShardMap } from '../database/zone-shards.js';
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { COMPAT_SYSTEMS, type CompatSystem } from '../http/compat-routes.js';
import {
  DEFAULT_PORT,
  EnvironmentVariables,
  MAX_WORKERS,
  VARIABLES,
} from './environment-variables.js';
import { LOG_LEVELS } from './log-level.js';
import type { EnvFile } from './env-file.js';
import { readCheckpointPlaces, type CheckpointPlaces } from './checkpoint-places.js';
import { readKeyCustody, type KeyCustody } from './key-custody.js';
import { looksWeak } from './key-material.js';
import { timeLimits, type TimeLimits } from './time-limits.js';
import { leastConnections } from '../database/pool-sizes.js';
import { isDatabaseUrl } from './database-url.js';
import { readOtelSettings, type OtelSettings } from './otel-settings.js';
import { isRedisUrl } from './redis-url.js';

/** How log lines are written. */
export type LogFormat = 'auto' | 'json' | 'pretty';

/** A limit on the number of requests. */
export interface RateLimit {
  /** Requests a second that may go on for ever. */
  readonly perSecond: number;
  /** Requests beyond that, within ten seconds. */
  readonly burst: number;
}

/** How many refusals of callers who have not authenticated are recorded within ten minutes. */
export interface UnauthenticatedRecords {
  /** Of one address, in one zone. */
  readonly ofAddress: number;
  readonly ofZone: number;
  readonly inAll: number;
}

/** The configuration of the process, checked once at start. */
export interface Env {
  readonly port: number;
  /** When set, `/internal`, `/metrics` and `/docs` are served on this port and only there. */
  readonly internalPort: number | undefined;
  readonly issuerUrl: string;
  /** Absent: run an embedded PostgreSQL under {@link dataDir}. */
  readonly databaseUrl: string | undefined;
  /** The most connections to it. Absent: as many as the workers take by themselves. */
  readonly connections: number | undefined;
  /** How long things may take that need the database. */
  readonly limits: TimeLimits;
  /** Absolute path. */
  readonly dataDir: string;
  readonly custody: KeyCustody;
  /** The admin key, and the one before while it is changed; none: nobody administers by such a key. */
  readonly adminTokens: readonly string[];
  /** At least 32 bytes each, shared with the gateways; two while they are changed. None: there are no gateways. */
  readonly gatewayHmacKeys: readonly Buffer[];
  /** The metrics token, and the one before while it is changed; none: figures are open. */
  readonly metricsTokens: readonly string[];
  readonly clientRateLimit: RateLimit;
  readonly zoneRateLimit: RateLimit;
  /** The Redis that counts requests for all replicas together. Absent: each replica counts its own. */
  readonly redisUrl: string | undefined;
  /** At least 32 bytes, which sign what is sent to gateways through that Redis. Absent: nothing is. */
  readonly streamsHmacKey: Buffer | undefined;
  readonly unauthenticatedRecords: UnauthenticatedRecords;
  /** Requests that are worked on at once; more are turned away. */
  readonly maxRequestsInFlight: number;
  /** Readers of revocation feeds that may wait at once; more are turned away. */
  readonly feedReaders: number;
  /** Milliseconds within which a request is answered, unless its route takes longer. */
  readonly requestTimeoutMs: number;
  /** How many processes answer requests. Absent: as many as there are cores to use, or one beside an embedded server. */
  readonly workers: number | undefined;
  /** Bytes of memory that snapshots of zones and clients may take. */
  readonly snapshotBytes: number;
  /** The longest life of mandates for resources with `revocation: expiry`, in seconds. */
  readonly expiryOnlySeconds: number;
  /** Seconds after which a status list is made anew: how old one may be that is served, and how long it is kept. */
  readonly statusListSeconds: number;
  /** Seconds from one signed checkpoint of the audit log to the next, if something was recorded. */
  readonly checkpointSeconds: number;
  /** Where signed checkpoints are taken, beside the database. */
  readonly checkpointPlaces: CheckpointPlaces;
  readonly retention: Retention;
  /** Whether what is asked for most is answered in front of the framework. */
  readonly directRoutes: boolean;
  /** Whether policy is not asked again what it was asked before. */
  readonly remembersDecisions: boolean;
  /** Other systems whose paths are answered. */
  readonly compatPaths: readonly CompatSystem[];
  /** The zone of those of their paths that name none: an id or a name. */
  readonly compatDefaultZone: string | undefined;
  readonly logLevel: string;
  /** How log lines are written: `auto` is `pretty` on a terminal, and `json` elsewhere. */
  readonly logFormat: LogFormat;
  /** How traces are exported; `null` if they are not. */
  readonly otel: OtelSettings | null;
  /** Seconds for which a start waits for the database. */
  readonly startSeconds: number;
  /** Seconds between the first signal to stop and the closing of the listeners. */
  readonly drainSeconds: number;
  /** Seconds after that within which the process ends. */
  readonly stopSeconds: number;
  /** The number of proxies in front whose `X-Forwarded-For` and `X-Forwarded-Host` are believed. */
  readonly trustProxy: number;
  /** Whether keys may be fetched over http. */
  readonly allowInsecureFetch: boolean;
  /** Whether keys may be fetched from private networks and from this machine. */
  readonly allowPrivateFetch: boolean;
}

/** Whole days for which what is over is kept, after the day that it was of. */
export interface Retention {
  /** The audit log; absent: for ever. */
  readonly auditDays: number | undefined;
  /** Sessions, revocations, spent nonces, challenges, agent sessions and delegations. */
  readonly endedDays: number;
  /** What webhooks were told, and when. */
  readonly deliveryDays: number;
}

/** {@link Env} with what embedded mode generates filled in. */
export interface RunningEnv extends Env {
  readonly databaseUrl: string;
  /** Whether that is the embedded server. The demo is there only. */
  readonly embedded: boolean;
  /** How many processes there are, this one included, that share what a replica may take. */
  readonly workers: number;
  /** The shards of a database that is distributed; none on a plain server. */
  readonly zoneShards?: ZoneShardMap | null | undefined;
}

/** The injection token of the {@link RunningEnv}. */
export const ENV = Symbol('Env');

/** Thrown for an environment that cannot be used: one line for each problem, without any value that may be a secret. */
export class InvalidEnvironment extends Error {
  override readonly name = 'InvalidEnvironment';
  constructor(readonly problems: readonly string[]) {
    super(
      problems.length === 1
        ? `The environment is not usable: ${problems[0]}`
        : `The environment is not usable:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
    );
  }
}

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

/** Variables whose value may be a secret, or be one in the wrong place, and is told to nobody. */
const UNTOLD = /KEY|TOKEN|VAULT|_URL$|_FILE$/;
/** The most characters of a value that are told. */
const MOST_TOLD = 60;

/** What is wrong with a variable, in a sentence with what was given. */
function problemWith({ property, value, constraints }: ValidationError): string {
  const rule = Object.values(constraints ?? {})[0] ?? `${property} is not usable`;
  const text = String(value);
  const isUrl = property === 'ISSUER_URL' && !text.includes('@');
  if (UNTOLD.test(property) && !isUrl) return rule;
  const told = text.length > MOST_TOLD ? `${text.slice(0, MOST_TOLD)}…` : text;
  return `${rule}, and it is ${JSON.stringify(told)}`;
}

/** A problem, with the file that the variable it is about came from. */
function withOrigin(problem: string, file: EnvFile | null): string {
  const [name = ''] = /^\w+/.exec(problem) ?? [];
  return file?.taken.includes(name) === true ? `${problem} (from ${file.path})` : problem;
}

/** Where the value of a variable is from, in words that begin a sentence. */
function originOf(name: string, source: NodeJS.ProcessEnv, file: EnvFile | null): string {
  const path = source[`${name}_FILE`] ?? '';
  const from = path === '' ? name : `${name}_FILE`;
  const value = path === '' ? '' : `, ${path},`;
  return file?.taken.includes(from) === true
    ? `${from}${value} (from ${file.path})`
    : `${from}${value}`;
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
