import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/** The audit log as evidence: a Merkle tree of each zone's events, and signed checkpoints of all of these. */
export class Evidence1795384800000 implements MigrationInterface {
  name = 'Evidence1795384800000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE evidence_logs (
        zone_id uuid PRIMARY KEY,
        origin  text NOT NULL,
        size    bigint NOT NULL,
        root    bytea NOT NULL CHECK (length(root) = 32)
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE evidence_logs IS
        'Logs as RFC 9162 section 2.1 has them. zone_id: all zeroes for what is of no zone, '
        'ffffffff-ffff-ffff-ffff-ffffffffffff for the log of the installation, whose leaves are zone_checkpoints.';
      COMMENT ON COLUMN evidence_logs.origin IS 'The name of the log in its checkpoints. It never changes.';

      CREATE TABLE evidence_tiles (
        zone_id uuid NOT NULL,
        level   smallint NOT NULL,
        index   bigint NOT NULL,
        hashes  bytea NOT NULL,
        PRIMARY KEY (zone_id, level, index)
      );
      ALTER TABLE evidence_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;
      COMMENT ON TABLE evidence_tiles IS 'The hashes of the trees, 256 in a row (C2SP tlog-tiles).';

      CREATE TABLE evidence_runs (
        zone_id    uuid NOT NULL,
        first_leaf bigint NOT NULL,
        writer     uuid NOT NULL,
        first_seq  bigint NOT NULL,
        last_seq   bigint NOT NULL,
        PRIMARY KEY (zone_id, first_leaf)
      );
      CREATE INDEX evidence_runs_by_chain ON evidence_runs (zone_id, writer, first_seq);
      COMMENT ON TABLE evidence_runs IS
        'Which events the leaves of a zone are: those of a hash chain from first_seq to last_seq, from first_leaf on.';

      CREATE TABLE evidence_heads (
        zone_id uuid NOT NULL,
        writer  uuid NOT NULL,
        seq     bigint NOT NULL,
        PRIMARY KEY (zone_id, writer)
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE evidence_heads IS 'The last event of each hash chain that is a leaf, with all before it.';

      CREATE TABLE zone_checkpoints (
        zone_id uuid NOT NULL,
        size    bigint NOT NULL,
        root    bytea NOT NULL CHECK (length(root) = 32),
        body    text NOT NULL,
        leaf    bigint NOT NULL,
        at      timestamptz NOT NULL,
        PRIMARY KEY (zone_id, size)
      );
      CREATE INDEX zone_checkpoints_by_leaf ON zone_checkpoints (leaf);
      COMMENT ON TABLE zone_checkpoints IS
        'What the log of a zone was at a moment. body: its text (C2SP tlog-checkpoint), which is the leaf of that number '
        'in the log of the installation.';

      CREATE TABLE evidence_checkpointed (
        zone_id uuid PRIMARY KEY,
        size    bigint NOT NULL
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE evidence_checkpointed IS 'How large the log of each zone is in its last checkpoint.';

      CREATE TABLE checkpoint_keys (
        zone_id     uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
        id          uuid NOT NULL,
        vkey        text NOT NULL,
        sealed_seed bytea NOT NULL,
        created_at  timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (zone_id, id)
      );
      COMMENT ON TABLE checkpoint_keys IS
        'Keys of checkpoints: the newest signs, and all verify. vkey: the public key (C2SP signed-note). Of no zone.';

      CREATE TABLE checkpoints (
        size   bigint PRIMARY KEY,
        root   bytea NOT NULL CHECK (length(root) = 32),
        note   text NOT NULL,
        key_id uuid NOT NULL,
        at     timestamptz NOT NULL
      );
      COMMENT ON TABLE checkpoints IS
        'What the log of the installation was at a moment, as a signed note (C2SP tlog-checkpoint).';

      CREATE TABLE evidence_turns (
        job    text PRIMARY KEY,
        holder uuid NOT NULL,
        until  timestamptz NOT NULL
      );
      COMMENT ON TABLE evidence_turns IS
        'Which process does a job of the evidence, and until when no other does. Two at once would do no harm.';
    `);
  }

  down = refuseToGoBack;
}
