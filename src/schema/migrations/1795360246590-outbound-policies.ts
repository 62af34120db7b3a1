import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** Policies of operators for what outbound requests may go to, of the installation and of zones. */
export class OutboundPolicies1795360246590 implements MigrationInterface {
  name = 'OutboundPolicies1795360246590';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE outbound_policies (
        id                      uuid PRIMARY KEY,
        zone_id                 uuid REFERENCES zones ON DELETE CASCADE,
        name                    text NOT NULL,
        target                  text NOT NULL,
        enabled                 boolean NOT NULL DEFAULT true,
        allowed_host_patterns   text[] NOT NULL DEFAULT '{}',
        allowed_path_patterns   text[] NOT NULL DEFAULT '{}',
        allowed_ports           integer[] NOT NULL DEFAULT '{}',
        allowed_schemes         text[] NOT NULL DEFAULT '{}',
        block_private_ips       boolean NOT NULL,
        block_loopback_ips      boolean NOT NULL,
        block_localhost_names   boolean NOT NULL,
        request_timeout_seconds integer CHECK (request_timeout_seconds BETWEEN 1 AND 30),
        max_response_bytes      integer CHECK (max_response_bytes BETWEEN 1024 AND 1048576),
        created_at              timestamptz NOT NULL DEFAULT now(),
        updated_at              timestamptz NOT NULL DEFAULT now()
      );
      COMMENT ON COLUMN outbound_policies.zone_id IS 'Whose requests it is for; null for those of all zones.';
      CREATE UNIQUE INDEX outbound_policies_target ON outbound_policies (zone_id, target);
      CREATE UNIQUE INDEX outbound_policies_name ON outbound_policies (zone_id, name);
      CREATE UNIQUE INDEX outbound_policies_installation_target ON outbound_policies (target) WHERE zone_id IS NULL;
      CREATE UNIQUE INDEX outbound_policies_installation_name ON outbound_policies (name) WHERE zone_id IS NULL;
    `);
  }

  down = refuseToGoBack;
}
