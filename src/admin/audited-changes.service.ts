import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { QueryFailedError, type DataSource, type EntityManager } from 'typeorm';
import { Ledger } from '../ledger/ledger.service.js';
import { isUuid } from '../oauth/vocabulary.js';
import { Zone } from '../zones/zone.entity.js';

/** What an operator did, for the audit log. It must hold no secret. */
export interface Change {
  readonly zoneId: string;
  readonly requestId: string;
  /** What was done, such as `client.created`. */
  readonly type: string;
  /** Who did it, if not whoever holds the admin key. */
  readonly operator?: string;
}

/** Who operators are, as far as the one key tells. */
export const OPERATOR = 'admin key';

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/** Makes operators' changes: each in one transaction together with its audit event. */
@Injectable()
export class AuditedChanges {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly ledger: Ledger,
  ) {}

  /**
   * @param make makes the change and returns its result, and what the audit event says of it
   * @throws {HttpException} 404 for a malformed zone, 409 for a conflict, and whatever `make` throws
   */
  async run<T>(
    change: Change,
    make: (tx: EntityManager) => Promise<{ result: T; details: Readonly<Record<string, unknown>> }>,
  ): Promise<T> {
    if (!isUuid(change.zoneId)) throw new NotFoundException('no such zone');
    try {
      return await this.dataSource.transaction(async (tx) => {
        // Changes to one zone take turns. Each would lock the zone sooner or later; those that had
        // locked different things in it before would wait for each other.
        await tx.query('SELECT 1 FROM zones WHERE id = $1 FOR UPDATE', [change.zoneId]);
        const { result, details } = await make(tx);
        await this.ledger.append(tx, change.zoneId, {
          type: `admin.${change.type}`,
          outcome: 'done',
          request_id: change.requestId,
          operator: change.operator ?? OPERATOR,
          ...details,
        });
        return result;
      });
    } catch (error) {
      throw describe(error);
    }
  }

  /** Reads something of a zone. Everything that is read or changed goes through {@link zoneExists} first. */
  get read(): EntityManager {
    return this.dataSource.manager;
  }
}

/**
 * Finds a zone, before anything in it is read or made. Within a change it stays until that is done.
 *
 * @throws {NotFoundException}
 */
export async function zoneExists(tx: EntityManager, zoneId: string): Promise<Zone> {
  const zone = isUuid(zoneId) ? await tx.findOne(Zone, { where: { id: zoneId } }) : null;
  return found(zone, 'zone');
}

/**
 * @throws {NotFoundException} if there is nothing; malformed ids find nothing either
 */
export function found<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new NotFoundException(`no such ${what}`);
  return value;
}

function describe(error: unknown): unknown {
  if (!(error instanceof QueryFailedError)) return error;
  const code: unknown = Reflect.get(error.driverError, 'code');
  if (code === UNIQUE_VIOLATION) {
    return new ConflictException('something of that name or identifier exists', { cause: error });
  }
  if (code === FOREIGN_KEY_VIOLATION) {
    return new ConflictException('it is in use, or what it refers to does not exist', {
      cause: error,
    });
  }
  return error;
}
