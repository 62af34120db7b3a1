import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { COMMAND_LINE } from '../admin/operators/operator.js';
import type { AuthenticatorRenewal } from '../admin/step-up/authenticator-renewal.service.js';
import { Zone } from '../zones/zone.entity.js';
import { EXIT, type CommandResult } from './command-result.js';

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
 * transaction, and printed before the next one's turn: what was done before a failure is done, and was printed.
 *
 * @param zoneId `null` for every zone
 * @param print writes one line, and waits until it is written
 */
export async function renewAuthenticators(
  services: RenewalServices,
  { zoneId, json }: { readonly zoneId: string | null; readonly json: boolean },
  print: (line: string) => Promise<void>,
): Promise<CommandResult> {
  let count = 0;
  try {
    for (const id of await zonesFor(services.read, zoneId)) {
      for await (const renewed of renewIn(id, services.renewal)) {
        count += 1;
        await printed(renewed, print(json ? JSON.stringify(renewed) : lineOf(renewed)));
      }
    }
  } catch (cause) {
    if (count === 0) throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${problem}: run it again for the others`, { cause });
  }
  return { code: EXIT.done, lines: count === 0 ? [NONE] : [] };
}

/** @throws {Error} that says whose link is lost, if it could not be printed */
async function printed({ zone_id: zone, subject }: Renewed, printing: Promise<void>) {
  await printing.catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the link of ${subject} in zone ${zone} could not be printed (${why})`, {
      cause,
    });
  });
}

const NONE = 'there is no authenticator whose key is known to log readers';

function lineOf({ zone_id: zone, subject, issuer, removed, ...link }: Renewed): string {
  const person = issuer === null ? subject : `${subject} (${issuer})`;
  const { enrolment_url: url, expires_at: until } = link;
  return `${zone}  ${person}  removed ${removed.length}  ${url}  good until ${until}`;
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
      const change = { zoneId, requestId: { request_id: uuidv7() }, operator: COMMAND_LINE };
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
