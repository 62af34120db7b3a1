import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { BackgroundWork } from '../../platform/background-work.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { LOGGER } from '../../platform/config/logger.js';
import { ChangeFeed, type ChangeListener } from '../../platform/database/change-feed.js';
import { OPERATORS } from '../../platform/database/operators-connections.js';
import { Periodic } from '../../platform/periodic.js';
import { inNetworks } from './networks.js';
import { digestOf, isOperatorSecret } from './operator-secret.js';
import type { Operator } from './operator.js';
import { permissionsOf } from './roles.js';

/** Milliseconds between two looks whether anything has changed, for when nobody could say so. */
const LOOK_MS = 2_000;

/** An operator whom a key names, and the terms of the key. */
export interface KnownKey {
  readonly id: string;
  readonly operator: Operator;
  /** Whether it may be used from an address. */
  isGoodFrom(address: string): boolean;
}

/** What is so for the whole installation. */
export interface Administration {
  /** Whether an owner has closed `ADMIN_TOKEN`. */
  readonly adminTokenClosed: boolean;
  /** The zone whose mandates are operators; `null` for none. */
  readonly controlZoneId: string | null;
}

interface Directory extends Administration {
  readonly version: string | null;
  /** By the digest of the key, in hex. */
  readonly keys: ReadonlyMap<string, KnownKey & { readonly expiresAt: number | null }>;
}

/**
 * Who may administer, all of it in memory: whatever keys strangers make up, nothing is looked up for them. It is read again
 * when something has changed, and a change is committed only if it still holds ({@link Operator.holds}).
 */
@Injectable()
export class OperatorDirectory implements OnModuleInit, OnApplicationShutdown, ChangeListener {
  private directory: Directory | null = null;
  private reading: Promise<void> | null = null;
  private stale = true;
  private readonly periodic = new Periodic(() => this.look());

  constructor(
    @InjectDataSource(OPERATORS) private readonly dataSource: DataSource,
    private readonly feed: ChangeFeed,
    private readonly background: BackgroundWork,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.feed.subscribe('administration', this);
    this.background.add(async () => {
      await this.read();
      this.periodic.start(LOOK_MS);
    });
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  onChange(): void {
    void this.readAgain();
  }

  onReset(): void {
    void this.readAgain();
  }

  /** What is so for the installation; `null` if that is not known, since it could not be read yet. */
  get administration(): Administration | null {
    return this.directory;
  }

  /** Whether anybody has a key. */
  get hasKeys(): boolean {
    return (this.directory?.keys.size ?? 0) > 0;
  }

  /**
   * The key that a text is, if it is good now.
   *
   * @returns `null` for whatever is none (any more)
   */
  find(text: string): KnownKey | null {
    if (!isOperatorSecret(text)) return null;
    // Whoever could tell by the time how much of a digest is right would still have no key that has it.
    const found = this.directory?.keys.get(digestOf(text).toString('hex')) ?? null;
    if (found === null) return null;
    return (found.expiresAt ?? Number.POSITIVE_INFINITY) > this.clock.now() ? found : null;
  }

  /** Reads it again, since something has changed: what is known until then is old. */
  readAgain(): Promise<void> {
    this.stale = true;
    return this.read();
  }

  private async look(): Promise<number> {
    try {
      const version = await this.readVersion();
      if (version !== this.directory?.version) this.stale = true;
      await this.read();
    } catch (error) {
      this.logger.warn({ err: error }, 'who may administer cannot be looked at, trying again');
    }
    return LOOK_MS;
  }

  /** Reads what is old, one at a time. While the database is away, what was known holds. */
  private read(): Promise<void> {
    this.reading ??= this.readOn().finally(() => {
      this.reading = null;
    });
    return this.reading;
  }

  private async readOn(): Promise<void> {
    while (this.stale && !this.periodic.stopped) {
      this.stale = false;
      try {
        // oxlint-disable-next-line no-await-in-loop -- what has changed meanwhile is read after that
        this.directory = await this.readAll();
      } catch (error) {
        this.stale = true;
        this.logger.warn({ err: error }, 'who may administer cannot be read, trying again');
        return;
      }
    }
  }

  private async readVersion(): Promise<string | null> {
    const [row] = await this.dataSource.query<{ version: string }[]>(VERSION);
    return row?.version ?? null;
  }

  private async readAll(): Promise<Directory> {
    // The version first: what changes before the keys are read is noticed later.
    const [administration] = await this.dataSource.query<AdministrationRow[]>(ADMINISTRATION);
    const rows = await this.dataSource.query<KeyRow[]>(KEYS);
    return {
      version: administration?.version ?? null,
      adminTokenClosed: administration?.closed ?? false,
      controlZoneId: administration?.controlZoneId ?? null,
      keys: new Map(rows.map((row) => [row.digest, this.knownKey(row)])),
    };
  }

  private knownKey(row: KeyRow) {
    const { operatorId, name, role, zones, keyId, addresses, expiresAt, own } = row;
    const operator: Operator = {
      id: operatorId,
      name,
      role,
      permissions: permissionsOf(role),
      zones,
      recorded: { operator_key: keyId },
      key: { id: keyId, expiresAt, own },
      holds: async (tx) => {
        const found = await tx.query<unknown[]>(HOLDS, [operatorId, keyId, name, role, zones]);
        if (found.length === 0) void this.readAgain();
        return found.length === 1;
      },
    };
    return {
      id: keyId,
      operator,
      expiresAt: expiresAt === null ? null : expiresAt.getTime(),
      isGoodFrom: addresses === null ? () => true : inNetworks(addresses),
    };
  }
}

interface AdministrationRow {
  readonly version: string;
  readonly closed: boolean;
  readonly controlZoneId: string | null;
}

interface KeyRow {
  readonly operatorId: string;
  readonly name: string;
  readonly role: string;
  readonly zones: readonly string[] | null;
  readonly keyId: string;
  readonly digest: string;
  readonly addresses: readonly string[] | null;
  readonly expiresAt: Date | null;
  readonly own: boolean;
}

const VERSION = 'SELECT version FROM administration';

const ADMINISTRATION = `
  SELECT version, admin_token_closed_at IS NOT NULL AS closed, control_zone_id AS "controlZoneId" FROM administration`;

const KEYS = `
  SELECT o.id AS "operatorId", o.name, o.role, o.zones, k.id AS "keyId", encode(k.digest, 'hex') AS digest,
         k.addresses, k.expires_at AS "expiresAt", k.drawn_with IS NOT NULL AS own
    FROM operator_keys k JOIN operators o ON o.id = k.operator_id
   WHERE o.disabled_at IS NULL AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())`;

const HOLDS = `
  SELECT 1 FROM operator_keys k JOIN operators o ON o.id = k.operator_id
   WHERE o.id = $1 AND k.id = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
     AND o.disabled_at IS NULL AND o.name = $3 AND o.role = $4 AND o.zones IS NOT DISTINCT FROM $5::uuid[]`;
