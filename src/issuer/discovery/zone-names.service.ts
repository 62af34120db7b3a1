import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { atAllZones, isSpread } from '../../platform/database/at-zones.js';
import { JoinedReads } from '../../platform/database/joined-reads.js';
import type { ZoneNames } from '../../platform/http/compat-paths.js';

/** Names that one statement looks up, and how many may wait for one. */
const LIMITS = { joined: 200, waiting: 2_048 } as const;
/** The longest name that a zone can have, in characters. */
const MAX_NAME = 200;

/**
 * Finds zones by their names, which paths of other systems have. Each request asks the database, since a name may be given to
 * another zone; all who ask at once ask by one statement, so names that strangers make up take one connection.
 */
@Injectable()
export class NamedZones implements ZoneNames {
  private readonly reads: JoinedReads<string, string | null>;

  constructor(@InjectDataSource() dataSource: DataSource) {
    this.reads = new JoinedReads(async (names) => {
      const statement = isSpread(dataSource) ? LISTED : BY_NAME;
      // The request that began this may be about a zone by now.
      const rows = await atAllZones(dataSource, () =>
        dataSource.query<{ id: string; name: string }[]>(statement, [names]),
      );
      const found = new Map(rows.map(({ id, name }) => [name, id]));
      return names.map((name) => found.get(name) ?? null);
    }, LIMITS);
  }

  async find(name: string): Promise<string | null> {
    // PostgreSQL has no text with U+0000.
    if (name.length > MAX_NAME || name.includes('\0')) return null;
    return this.reads.ask(name, name);
  }
}

const BY_NAME = 'SELECT id, name FROM zones WHERE name = ANY ($1::text[]) AND removed_at IS NULL';
// The directory is whole on each node. A zone that is being removed is in it still, and is answered as one that is not there.
const LISTED = 'SELECT zone_id AS id, name FROM zone_directory WHERE name = ANY ($1::text[])';
