import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Workloads of trusted issuers, each of which is one client of its zone, and the sessions that their tokens open. */
export class FederatedIdentities1795326172899 implements MigrationInterface {
  name = 'FederatedIdentities1795326172899';

  async up(db: QueryRunner): Promise<void> {
    // Issuers are named by id and have no foreign key here: one goes at once, however many identities it has, and what
    // names it is dead from then on, also when an issuer of the same name is trusted later.
    await db.query(`
      CREATE TABLE federated_identities (
        zone_id    uuid NOT NULL,
        id         uuid NOT NULL,
        client_id  uuid NOT NULL,
        issuer_id  uuid NOT NULL,
        issuer     text NOT NULL,
        subject    text NOT NULL,
        audience   text,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id),
        UNIQUE (zone_id, issuer_id, subject),
        FOREIGN KEY (zone_id, client_id) REFERENCES clients ON DELETE CASCADE
      );
      CREATE INDEX federated_identities_by_client ON federated_identities (zone_id, client_id);
      CREATE INDEX federated_identities_by_issuer ON federated_identities (zone_id, issuer);
      COMMENT ON COLUMN federated_identities.issuer IS 'The name of the issuer, as its sessions have it.';
      COMMENT ON COLUMN federated_identities.subject IS 'The workload, in the words of the issuer, byte for byte.';
      COMMENT ON COLUMN federated_identities.audience IS 'The one aud of its tokens. Null: our issuer.';

      ALTER TABLE sessions ADD COLUMN federated_identity_id uuid;
      COMMENT ON COLUMN sessions.federated_identity_id IS
        'The identity whose token opened it, and with which it ends; null for others.';
    `);
  }

  down = refuseToGoBack;
}
