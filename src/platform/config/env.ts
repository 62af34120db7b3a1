import type { CompatSystem } from '../http/compat-routes.js';
import type { CheckpointPlaces } from './checkpoint-places.js';
import type { KeyCustody } from './key-custody.js';
import type { TimeLimits } from './time-limits.js';
import type { OtelSettings } from './otel-settings.js';
import type { ZoneShardMap } from '../database/zone-shards.js';

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
