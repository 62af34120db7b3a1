import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Webhooks, and what is to be sent to them. What happens to a challenge is put into the outbox in the
 * transaction in which it happens, so that it is sent if and only if it has.
 */
export class Webhooks1700000000009 implements MigrationInterface {
  name = 'Webhooks1700000000009';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE webhooks (
        zone_id                uuid NOT NULL REFERENCES zones ON DELETE CASCADE,
        id                     uuid NOT NULL,
        url                    text NOT NULL,
        events                 text[] NOT NULL DEFAULT '{}',
        sealed_secret          bytea NOT NULL,
        sealed_previous_secret bytea,
        previous_until         timestamptz,
        disabled_at            timestamptz,
        created_at             timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id)
      );
      COMMENT ON COLUMN webhooks.events IS 'The types of event that are sent; all if empty.';
      COMMENT ON COLUMN webhooks.previous_until IS 'Until then the previous secret signs, too.';

      CREATE TABLE webhook_deliveries (
        zone_id      uuid NOT NULL,
        id           uuid NOT NULL,
        webhook_id   uuid NOT NULL,
        event_type   text NOT NULL,
        payload      jsonb NOT NULL,
        attempts     integer NOT NULL DEFAULT 0,
        due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        last_error   text,
        delivered_at timestamptz,
        dead_at      timestamptz,
        created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, id),
        FOREIGN KEY (zone_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE
      ) PARTITION BY RANGE (id);
      CREATE TABLE webhook_deliveries_default PARTITION OF webhook_deliveries DEFAULT;
      CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at)
        WHERE delivered_at IS NULL AND dead_at IS NULL;
      CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (zone_id, webhook_id, id);
      COMMENT ON COLUMN webhook_deliveries.due_at IS
        'When it is to be sent next. Whoever sends it moves this on first, so that somebody else does if it dies.';

      INSERT INTO tables_by_day (name, keyed_by, dropped, kept_while)
      VALUES ('webhook_deliveries', 'id', true, 'delivered_at IS NULL AND dead_at IS NULL');
      SELECT ledger_maintain();

      -- A new UUIDv7 (RFC 9562 5.7): a random one with the time in front, and version 7 for 4.
      CREATE FUNCTION new_uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
        SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
                 PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                 FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
      $$;

      -- Puts an event into the outbox of every webhook of the zone that wants it.
      CREATE FUNCTION webhook_event(p_zone uuid, p_type text, p_data jsonb) RETURNS void LANGUAGE sql AS $$
        INSERT INTO webhook_deliveries (zone_id, id, webhook_id, event_type, payload)
        SELECT p_zone, new_uuid_v7(), w.id, p_type, jsonb_build_object(
                 'type', p_type, 'data', p_data,
                 'timestamp', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
          FROM webhooks w
         WHERE w.zone_id = p_zone AND w.disabled_at IS NULL
           AND (w.events = '{}' OR p_type = ANY (w.events))
      $$;

      CREATE FUNCTION challenge_event() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        happened text := CASE WHEN TG_OP = 'INSERT' THEN 'created'
                              WHEN NEW.consumed_at IS NOT NULL THEN 'consumed'
                              ELSE NEW.decision END;
      BEGIN
        PERFORM webhook_event(NEW.zone_id, 'challenge.' || happened, jsonb_build_object(
          'zone_id', NEW.zone_id, 'challenge_id', NEW.id, 'challenge_type', NEW.type,
          'binding', encode(NEW.binding, 'hex'), 'request', NEW.request,
          'approvals', NEW.approvals, 'quorum', NEW.quorum, 'decision', NEW.decision,
          'expires_at', to_char(NEW.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')));
        RETURN NULL;
      END $$;
      CREATE TRIGGER tell_of_new AFTER INSERT ON challenges
        FOR EACH ROW EXECUTE FUNCTION challenge_event();
      CREATE TRIGGER tell_of_decision AFTER UPDATE OF decision ON challenges FOR EACH ROW
        WHEN (OLD.decision IS DISTINCT FROM NEW.decision) EXECUTE FUNCTION challenge_event();
      CREATE TRIGGER tell_of_consumption AFTER UPDATE OF consumed_at ON challenges FOR EACH ROW
        WHEN (OLD.consumed_at IS NULL AND NEW.consumed_at IS NOT NULL) EXECUTE FUNCTION challenge_event();
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP TRIGGER tell_of_new ON challenges;
      DROP TRIGGER tell_of_decision ON challenges;
      DROP TRIGGER tell_of_consumption ON challenges;
      DROP FUNCTION challenge_event, webhook_event, new_uuid_v7;
      DELETE FROM tables_by_day WHERE name = 'webhook_deliveries';
      DROP TABLE webhook_deliveries, webhooks;
    `);
  }
}
