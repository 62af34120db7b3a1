import { Injectable } from '@nestjs/common';
import { exportJWK, generateKeyPair } from 'jose';
import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import { Authenticator } from '../../step-up/authenticators/authenticator.entity.js';
import { Enrolments } from '../../step-up/authenticators/enrolments.service.js';
import { newLinkSecret } from '../../step-up/authenticators/link.js';
import { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';
import type { DemoPerson } from './demo-file.js';
import type { ResourceRegistration } from './resource-registration.js';

/** What a person of the demo has to confirm. */
export const BANK = { resource: 'resource://pipernet/bank', scope: 'transfers:send' } as const;

/** The same, as it is registered: in words. */
export const BANK_AS_REGISTERED: ResourceRegistration = {
  identifier: BANK.resource,
  scopes: [BANK.scope],
  displayName: 'Pied Piper Bank',
  description: 'the current account of Ada',
  scopeDescriptions: [{ scope: BANK.scope, description: 'Send money from your account' }],
};

const SUBJECT = 'ada@pipernet.example';
const ISSUER = 'https://people.pipernet.example';
const AUDIENCE = 'https://mandate.pipernet.example';

/**
 * Makes the person of the demo zone: an issuer that says who it is, and an app that makes codes. All secrets of it are in
 * `demo.json`, beside those that can do more, and are good in that zone only.
 */
@Injectable()
export class DemoPeople {
  constructor(private readonly enrolments: Enrolments) {}

  /** Makes the person, or gives a person that is there other secrets. @param clientId who may present its tokens */
  async settle(tx: EntityManager, zoneId: string, clientId: string): Promise<DemoPerson> {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const publicJwk = { ...(await exportJWK(publicKey)), kid: 'demo', alg: 'ES256', use: 'sig' };
    const issuers = tx.getRepository(TrustedIssuerRow);
    const jwks = { keys: [publicJwk] };
    const { affected } = await issuers.update({ zoneId, issuer: ISSUER }, { jwks });
    if (affected === 0) {
      await issuers.insert({
        zoneId,
        id: uuidv7(),
        issuer: ISSUER,
        jwks,
        jwksUri: null,
        audiences: [AUDIENCE],
        algorithms: ['ES256'],
        tokenTypes: ['jwt'],
        allowedClientIds: [clientId],
      });
    }
    await tx
      .getRepository(Authenticator)
      .delete({ zoneId, subject: SUBJECT, subjectIssuer: ISSUER });
    const person = { subject: SUBJECT, issuer: ISSUER };
    const { authenticator, key } = await this.enrolments.addTotp(tx, zoneId, person);
    return {
      ...person,
      audience: AUDIENCE,
      signing_jwk: { ...(await exportJWK(privateKey)), kid: 'demo', alg: 'ES256' },
      ...BANK,
      authenticator_id: authenticator.id,
      totp_secret: key.secret,
      page_secret: newLinkSecret(),
    };
  }
}
