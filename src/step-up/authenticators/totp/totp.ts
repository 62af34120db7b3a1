import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import {
  SECRET_BYTES,
  updatesRow,
  type ConfirmationMethod,
  type ConfirmationPorts,
  type NewAuthenticator,
} from '../confirmation-method.js';
import { stepOfCode, totpKey, type TotpKey } from './totp-codes.js';
import { confirmForm, enrolForm } from './totp-forms.js';

/** Codes of an authenticator app (RFC 6238). Each is good once. */
export const totp: ConfirmationMethod<'totp'> = {
  name: 'totp',
  guessable: true,
  scripted: false,

  confirmField: 'code',
  confirmForm,
  confirmProblem: ({ totp: { wrong } }) => wrong,

  async verify(challenge, _step, evidence, ports) {
    const now = ports.now();
    for (const { zoneId, id, sealedSecret } of await ports.authenticatorsOf(challenge, 'totp')) {
      if (sealedSecret === null) continue;
      const key = await ports.openSecret({ zoneId, id, kind: 'totp' }, sealedSecret);
      const step = stepOfCode(key, typed(evidence), now);
      key.fill(0);
      if (step === null) continue;
      return {
        authenticatorId: id,
        amr: ['otp'],
        spend: (tx) => updatesRow(tx, SPEND_STEP, [zoneId, id, step]),
      };
    }
    return null;
  },

  enrolField: 'code',
  enrolProblem: ({ totp: { notSetUp } }) => notSetUp,
  enrolForm: ({ texts, token, enrolment, organisation, secret, failed }) =>
    enrolForm(totpKey(secret, enrolment.subject, organisation), token, failed, texts),

  async register({ enrolment, secret }, evidence, ports) {
    const step = stepOfCode(secret, typed(evidence), ports.now());
    return step === null ? null : sealed(enrolment.zoneId, secret, step, ports);
  },
};

/**
 * Makes a key for a person who sets up the app by other means than the page.
 *
 * @param account the name that the app shows
 * @param organisation whose key the app says that it is; `null` where that was not said
 * @returns the key, which is shown once, and what is stored of it
 */
export async function generateTotp(
  zoneId: string,
  account: string,
  organisation: string | null,
  ports: ConfirmationPorts,
): Promise<{ key: TotpKey; authenticator: NewAuthenticator }> {
  const bytes = randomBytes(SECRET_BYTES);
  try {
    const key = totpKey(bytes, account, organisation);
    return { key, authenticator: await sealed(zoneId, bytes, null, ports) };
  } finally {
    bytes.fill(0);
  }
}

/** @param key a key that was drawn at random; the caller wipes it */
async function sealed(
  zoneId: string,
  key: Buffer,
  step: number | null,
  ports: ConfirmationPorts,
): Promise<NewAuthenticator> {
  const id = uuidv7();
  const sealedSecret = await ports.sealSecret({ zoneId, id, kind: 'totp' }, key);
  return { id, sealedSecret, lastStep: step === null ? null : String(step), keyDrawn: true };
}

/** A code without the spaces that apps show, and that people type. */
function typed(code: string): string {
  return code.replaceAll(' ', '');
}

const SPEND_STEP = `UPDATE authenticators SET last_step = $3, last_used_at = clock_timestamp()
  WHERE zone_id = $1 AND id = $2 AND (last_step IS NULL OR last_step < $3) RETURNING id`;
