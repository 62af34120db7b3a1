import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Zones and clients may have resources that requests mean which name none (RFC 8707 2). */
export class DefaultResources1795326150976 implements MigrationInterface {
  name = 'DefaultResources1795326150976';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE zones ADD COLUMN default_resources text[] NOT NULL DEFAULT '{}';
      COMMENT ON COLUMN zones.default_resources IS
        'Identifiers, in order. What requests are for that name no resource, where their client has none of its own.';
      ALTER TABLE clients ADD COLUMN default_resources text[] NOT NULL DEFAULT '{}';
      COMMENT ON COLUMN clients.default_resources IS
        'Identifiers, in order. What requests of the client are for that name no resource; none: those of the zone.';
    `);
  }

  down = refuseToGoBack;
}
