import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * What status lists are made of: the indices that processes have taken, and the mandates that were given one. All of it
 * is about one hour of expiry, after which it is dropped (`status_lists_maintain`), with nothing that refers to it.
 */
export class StatusLists1795342400000 implements MigrationInterface {
  name = 'StatusLists1795342400000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE status_blocks (
        zone_id  uuid NOT NULL,
        exp_hour integer NOT NULL,
        list     integer NOT NULL,
        first    integer NOT NULL,
        base     text NOT NULL,
        taken_by uuid NOT NULL,
        taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (zone_id, exp_hour, list, first)
      ) PARTITION BY LIST (exp_hour);
      CREATE TABLE status_blocks_default PARTITION OF status_blocks DEFAULT;
      COMMENT ON TABLE status_blocks IS
        'Indices of status lists that a process has taken for itself, 4096 from the first one on. None is given twice.';
      COMMENT ON COLUMN status_blocks.exp_hour IS 'Hours since 1970: the list is of mandates that expire within it.';
      COMMENT ON COLUMN status_blocks.base IS 'Where the zone was when the list began: its URI begins with that.';
      COMMENT ON COLUMN status_blocks.taken_by IS 'The process, by an id of its own.';

      -- No foreign keys, as in the audit log: each commit would take them.
      CREATE TABLE issued_mandates (
        zone_id          uuid NOT NULL,
        exp_hour         integer NOT NULL,
        list             integer NOT NULL,
        idx              integer NOT NULL,
        expires_at       timestamptz NOT NULL,
        jti              uuid NOT NULL,
        ancestors        uuid[] NOT NULL,
        sid              uuid NOT NULL,
        root_sid         uuid NOT NULL,
        agent_session_id uuid,
        edge_id          uuid,
        subject_key      bytea,
        subject_gen      integer,
        said             jsonb NOT NULL,
        kid              text NOT NULL,
        PRIMARY KEY (zone_id, exp_hour, list, idx)
      ) PARTITION BY LIST (exp_hour);
      CREATE TABLE issued_mandates_default PARTITION OF issued_mandates DEFAULT;
      COMMENT ON TABLE issued_mandates IS
        'Mandates whose status a list tells, with all that may take one back; of no other mandate is there a row.';
      COMMENT ON COLUMN issued_mandates.subject_key IS
        'The subject in generations; null for an application, which is its client.';
      COMMENT ON COLUMN issued_mandates.said IS
        'The generations and policies that it was issued in, as taken_back() reads them, without its subject: many say the same.';
    `);
  }

  down = refuseToGoBack;
}
