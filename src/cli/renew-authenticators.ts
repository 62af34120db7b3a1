import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { AuthenticatorRenewal } from '../admin/step-up/authenticator-renewal.service.js';
import { Zone } from '../zones/zone.entity.js';
import { EXIT, table, type Outcome } from './outcome.js';

/** People that are looked up at once. */
const PAGE = 200;

/** The services that {@link renewAuthenticators} uses. */
export interface RenewalServices {
  readonly read: EntityManager;
  readonly renewal: Pick<AuthenticatorRenewal, 'people' | 'renew'>;
}

/** A person who has to register another authenticator, and the link for it. */
interface Renewed {
  readonly zone_id: string;
  readonly subject: string;
  readonly issuer: string | null;
  readonly removed: readonly string[];
  readonly enrolment_url: string;
  readonly expires_at: string;
  readonly request_id: string;
}

/**
 * `authenticators renew`: removes the authenticators whose keys readers of request logs may know, with an audit
 * event for each person, and prints for each person a link by which to register another. Each person is a
 * transaction: what was done before something failed is done, and is printed.
 *
 * @param zoneId `null` for every zone
 */
export async function renewAuthenticators(
  services: RenewalServices,
  zoneId: string | null,
): Promise<Outcome> {
  const done: Renewed[] = [];
  try {
    for (const id of await zonesFor(services.read, zoneId)) {
      for await (const renewed of renewIn(id, services.renewal)) done.push(renewed);
    }
  } catch (error) {
    if (done.length === 0) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    const rest = `${problem}: run it again for the others`;
    const { json, lines } = describe(done);
    return { code: EXIT.impossible, json: { ...json, problem }, lines: [...lines, '', rest] };
  }
  return { code: EXIT.done, ...describe(done) };
}

async function zonesFor(read: EntityManager, zoneId: string | null): Promise<string[]> {
  if (zoneId !== null) return [zoneId];
  return (await read.getRepository(Zone).find({ select: { id: true } })).map(({ id }) => id);
}

async function* renewIn(
  zoneId: string,
  renewal: RenewalServices['renewal'],
): AsyncGenerator<Renewed> {
  for (;;) {
    const people = await renewal.people(zoneId, PAGE);
    for (const person of people) {
      const change = { zoneId, requestId: { request_id: uuidv7() }, operator: 'command line' };
      const renewed = await renewal.renew(change, person);
      // Removed by another operator just now.
      if (renewed === null) continue;
      yield {
        zone_id: zoneId,
        ...person,
        removed: renewed.removed,
        enrolment_url: renewed.url,
        expires_at: renewed.expiresAt.toISOString(),
        ...change.requestId,
      };
    }
    if (people.length < PAGE) return;
  }
}

function describe(renewed: readonly Renewed[]) {
  return {
    json: { renewed },
    lines:
      renewed.length === 0
        ? ['nobody has an authenticator whose key is known to log readers']
        : table([
            ['zone', 'subject', 'issuer', 'removed', 'link for another', 'good until'],
            ...renewed.map((one) => [
              one.zone_id,
              one.subject,
              one.issuer ?? '-',
              String(one.removed.length),
              one.enrolment_url,
              one.expires_at,
            ]),
          ]),
  };
}
