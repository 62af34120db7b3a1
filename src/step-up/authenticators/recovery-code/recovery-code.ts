import { v7 as uuidv7 } from 'uuid';
import type { ConfirmationMethod } from '../confirmation-method.js';
import { confirmForm, enrolForm } from './recovery-code-forms.js';
import { newRecoveryCodes, recoveryDigest } from './recovery-codes.js';

/**
 * Recovery codes, on paper: what a person confirms with who has lost app and passkey. Each is good once. A code that lies in
 * a drawer proves less than a device in a hand, so the `amr` says what it was.
 */
export const recoveryCode: ConfirmationMethod<'recovery_code'> = {
  name: 'recovery_code',
  guessable: true,
  scripted: false,

  confirmField: 'recovery_code',
  confirmForm,
  confirmProblem: ({ recoveryCodes: { wrong } }) => wrong,

  async verify(challenge, _step, evidence, ports) {
    const digest = recoveryDigest(evidence);
    if (digest === null) return null;
    for (const one of await ports.authenticatorsOf(challenge, 'recovery_code')) {
      if (one.recoveryDigests?.some((left) => left.equals(digest)) !== true) continue;
      const { zoneId, id } = one;
      return {
        authenticatorId: id,
        amr: ['rc'],
        spend: async (tx) => (await tx.query<object[]>(SPEND, [zoneId, id, digest])).length === 1,
      };
    }
    return null;
  },

  enrolField: 'recovery_codes',
  enrolProblem: ({ recoveryCodes: { notSetUp } }) => notSetUp,
  enrolForm,

  async register() {
    const codes = newRecoveryCodes();
    return { id: uuidv7(), recoveryDigests: digestsOf(codes), codes };
  },
};

/** What is stored of codes. */
export function digestsOf(codes: readonly string[]): Buffer[] {
  return codes.map(recoveryDigest).filter((digest) => digest !== null);
}

/** The row is locked by that, so that of two at once the second finds the code gone. Webhooks that want to know are told. */
const SPEND = `WITH spent AS (
    UPDATE authenticators SET recovery_digests = array_remove(recovery_digests, $3::bytea),
                              last_used_at = clock_timestamp()
     WHERE zone_id = $1 AND id = $2 AND $3::bytea = ANY (recovery_digests)
    RETURNING zone_id, id, subject, subject_issuer, cardinality(recovery_digests) AS codes_left)
  SELECT webhook_event_named(zone_id, 'recovery_code.used', jsonb_build_object(
           'authenticator_id', id, 'subject', subject, 'issuer', subject_issuer, 'codes_left', codes_left))
    FROM spent`;
