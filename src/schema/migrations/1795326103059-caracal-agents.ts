import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** What SDKs of Caracal need of agent sessions and delegations: who holds the lease of a service, and what a repeated request made. */
export class CaracalAgents1795326103059 implements MigrationInterface {
  name = 'CaracalAgents1795326103059';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE agent_sessions
        ADD COLUMN lease_generation integer NOT NULL DEFAULT 1,
        ADD COLUMN idempotency_key bytea,
        ADD COLUMN idempotency_request bytea;
      COMMENT ON COLUMN agent_sessions.lease_generation IS
        'service: grows whenever another process takes over to keep it alive; heartbeats of the one before are refused.';
      COMMENT ON COLUMN agent_sessions.idempotency_key IS 'SHA-256 of the Idempotency-Key of the request that made it.';
      COMMENT ON COLUMN agent_sessions.idempotency_request IS 'SHA-256 of what that request asked for.';
      ALTER TABLE delegation_edges
        ADD COLUMN idempotency_key bytea,
        ADD COLUMN idempotency_request bytea;
      COMMENT ON COLUMN delegation_edges.idempotency_key IS 'SHA-256 of the Idempotency-Key of the request that made it.';
      COMMENT ON COLUMN delegation_edges.idempotency_request IS 'SHA-256 of what that request asked for.';
      CREATE INDEX agent_sessions_by_idempotency_key ON ONLY agent_sessions (zone_id, client_id, idempotency_key)
        WHERE idempotency_key IS NOT NULL;
      CREATE INDEX delegation_edges_by_idempotency_key ON ONLY delegation_edges (zone_id, issuer_client_id, idempotency_key)
        WHERE idempotency_key IS NOT NULL;
    `);
  }

  down = refuseToGoBack;
}
