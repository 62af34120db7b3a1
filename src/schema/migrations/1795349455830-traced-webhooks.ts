import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** In which trace something was asked for that webhooks are told of. */
export class TracedWebhooks1795349455830 implements MigrationInterface {
  name = 'TracedWebhooks1795349455830';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE challenges ADD COLUMN traceparent text;
      COMMENT ON COLUMN challenges.traceparent IS
        'The place in a trace of the request that opened it (W3C Trace Context); null for none.';
      ALTER TABLE webhook_deliveries ADD COLUMN traceparent text;
      COMMENT ON COLUMN webhook_deliveries.traceparent IS
        'The place in a trace of what it tells of, which is sent along (W3C Trace Context); null for none.';
      COMMENT ON COLUMN audit_events.request_label IS
        'What the caller calls the request, chosen by the caller; or else the trace that it is part of.';
    `);
  }

  down = refuseToGoBack;
}
