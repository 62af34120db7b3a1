import type { MigrationInterface, QueryRunner } from 'typeorm';
import { refuseToGoBack } from './refuse-to-go-back.js';

/**
 * The person of each decision, each of whom has one say on a challenge; how the person was authenticated;
 * and types that the subject itself has to confirm.
 *
 * The person is made of `decided_by`, so that it is there also where the version before stores a decision,
 * and the index keeps that version as well from counting a person twice.
 */
export class DecisionPersons1795292028034 implements MigrationInterface {
  name = 'DecisionPersons1795292028034';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE challenge_decisions
        ADD COLUMN amr text[],
        ADD COLUMN person text NOT NULL GENERATED ALWAYS AS (
          CASE WHEN decided_by LIKE 'subject:%' THEN substr(decided_by, 9)
               WHEN decided_by LIKE 'proof\\_system:%' THEN regexp_replace(decided_by, '^proof_system:[^:]*:', '')
               WHEN decided_by LIKE 'client:%' THEN '[null,"' || substr(decided_by, 8) || '"]'
               ELSE decided_by END) STORED;
      COMMENT ON COLUMN challenge_decisions.decided_by IS 'Who it was and by which way, such as client:{id}.';
      COMMENT ON COLUMN challenge_decisions.person IS 'Who it was, whatever the way: [issuer, name] as JSON, the issuer null for names of ours; or the operators.';
      COMMENT ON COLUMN challenge_decisions.amr IS 'How the person was authenticated; null if the version before stored it.';

      -- Persons who were counted twice: the first say stays.
      DELETE FROM challenge_decisions d USING challenge_decisions f
       WHERE f.zone_id = d.zone_id AND f.challenge_id = d.challenge_id AND f.person = d.person
         AND (f.decided_at, f.decided_by) < (d.decided_at, d.decided_by);
      UPDATE challenges c
         SET approvals = (SELECT count(*) FROM challenge_decisions d
                           WHERE d.zone_id = c.zone_id AND d.challenge_id = c.id AND d.decision = 'approved')
       WHERE c.decision IS NULL AND c.approvals > 1;
      CREATE UNIQUE INDEX challenge_decisions_by_person ON challenge_decisions (zone_id, challenge_id, person);

      ALTER TABLE step_up_types ADD COLUMN subject_must_satisfy boolean;
      COMMENT ON COLUMN step_up_types.subject_must_satisfy IS 'Null: as is usual for the type.';
    `);
  }

  down = refuseToGoBack;
}
