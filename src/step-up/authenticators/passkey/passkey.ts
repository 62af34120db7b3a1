import { v7 as uuidv7 } from 'uuid';
import { updatesRow, type ConfirmationMethod } from '../confirmation-method.js';
import { confirmForm, enrolForm } from './passkey-forms.js';
import { readAssertion, readRegistration } from './passkey-response.js';
import {
  confirmationNonce,
  enrolmentNonce,
  PASSKEY_ALGORITHMS,
  relyingPartyAt,
} from './relying-party.js';

/**
 * The library that verifies. It is loaded for the first passkey: with what it brings for attestations, which are not
 * asked for, it would be a tenth of each start.
 */
const webauthn = () => import('@simplewebauthn/server');

/** Passkeys (Web Authentication), with user verification. What one signs is made of the challenge. */
export const passkey: ConfirmationMethod<'webauthn'> = {
  name: 'webauthn',
  guessable: false,
  scripted: true,

  confirmField: 'assertion',
  confirmForm,
  confirmProblem: ({ passkey: { wrong } }) => wrong,

  async verify(challenge, step, evidence, ports) {
    const response = readAssertion(evidence);
    if (response === null) return null;
    const known = await ports.authenticatorsOf(challenge, 'webauthn');
    const used = known.find(({ credentialId }) => credentialId === response.id);
    if (used === undefined || used.publicKey === null) return null;
    const { zoneId, id, publicKey, signCount } = used;
    const rp = relyingPartyAt(ports.env.issuerUrl);
    const nonce = confirmationNonce(step, challenge.id, challenge.binding.toString('hex'));
    const { verifyAuthenticationResponse } = await webauthn();
    // The library throws for whatever is wrong, and what that is helps only those who have a key.
    const checked = await verifyAuthenticationResponse({
      response,
      expectedChallenge: nonce.toString('base64url'),
      expectedOrigin: rp.origin,
      expectedRPID: rp.id,
      requireUserVerification: true,
      credential: {
        id: response.id,
        publicKey: Uint8Array.from(publicKey),
        counter: Number(signCount ?? 0),
      },
    }).catch(() => null);
    if (checked?.verified !== true) return null;
    const { newCounter } = checked.authenticationInfo;
    return {
      authenticatorId: id,
      amr: ['pop', 'user', 'mfa'],
      spend: (tx) => updatesRow(tx, SPEND_COUNT, [zoneId, id, newCounter]),
    };
  },

  enrolField: 'registration',
  enrolProblem: ({ passkey: { notSetUp } }) => notSetUp,
  enrolForm,

  async register({ token }, evidence, ports) {
    const response = readRegistration(evidence);
    if (response === null) return null;
    const rp = relyingPartyAt(ports.env.issuerUrl);
    const { verifyRegistrationResponse } = await webauthn();
    const checked = await verifyRegistrationResponse({
      response,
      expectedChallenge: enrolmentNonce(token).toString('base64url'),
      expectedOrigin: rp.origin,
      expectedRPID: rp.id,
      requireUserVerification: true,
      supportedAlgorithmIDs: PASSKEY_ALGORITHMS,
    }).catch(() => null);
    if (checked?.verified !== true) return null;
    const { credential } = checked.registrationInfo;
    if (credential.id.length > MAX_ID_LENGTH) return null;
    return {
      id: uuidv7(),
      credentialId: credential.id,
      publicKey: Buffer.from(credential.publicKey),
      signCount: String(credential.counter),
    };
  },
};

/** Characters of base64url: a credential id has 1,023 bytes at most (Web Authentication 6.1). */
const MAX_ID_LENGTH = 1_364;

/** Authenticators that do not count say 0 each time (Web Authentication 6.1.1). */
const SPEND_COUNT = `UPDATE authenticators SET sign_count = $3, last_used_at = clock_timestamp()
  WHERE zone_id = $1 AND id = $2 AND (sign_count < $3 OR (sign_count = 0 AND $3 = 0)) RETURNING id`;
