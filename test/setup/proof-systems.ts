import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { readAnswer, type Answer, type TestZone } from './zone.js';

/** A proof system that a zone has registered. */
export interface ProofSystem {
  readonly id: string;
  readonly secret: string;
}

/** A report of a proof system: what is turned of one that is right. */
export interface Report {
  readonly body?: Record<string, unknown>;
  readonly headers?: Record<string, string | undefined>;
  /** When it is signed. */
  readonly at?: Date;
  /** The replica that it is sent to; that of the zone by default. */
  readonly url?: string;
}

/** Registers a proof system. */
export async function newProofSystem(
  zone: Pick<TestZone, 'admin'>,
  types?: string[],
): Promise<ProofSystem> {
  const made = await zone.admin('POST', '/proof-systems', { name: `s ${randomUUID()}`, types });
  return { id: String(made['id']), secret: String(made['secret']) };
}

/** Reports that a person has approved a challenge, signed right by default. `binding` has to be in the body. */
export async function reportProof(
  { replica }: Pick<TestZone, 'replica'>,
  system: ProofSystem,
  id: string,
  { body = {}, headers = {}, at = new Date(), url = replica.url }: Report = {},
): Promise<Answer> {
  const payload = JSON.stringify({
    challenge_id: id,
    decision: 'approved',
    reason: 'shown in the app',
    amr: ['face'],
    ...body,
  });
  const messageId = `msg_${randomUUID()}`;
  const given = {
    'content-type': 'application/json',
    'mandate-proof-system': system.id,
    'webhook-id': messageId,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(system.secret).sign(messageId, at, payload),
    ...headers,
  };
  const sent = Object.entries(given).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return readAnswer(
    await fetch(`${url}/step-up/${id}/callback`, { method: 'POST', headers: sent, body: payload }),
  );
}
