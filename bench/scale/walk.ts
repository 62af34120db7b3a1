import type { TestZone } from '../../test/setup/zone.js';
import { once, type Prepared } from '../candidates/prepared.js';
import { formRequest } from '../load/connection.js';

/** Who asks for a session mandate. */
export interface Walker {
  readonly clientId: string;
  readonly secret: string;
}

/** The most that are walked over: of more, as many are taken, evenly. */
const MOST = 10_000;

/** Requests for session mandates that walk over clients, evenly and from the beginning again. */
export function walk({ resource }: TestZone, walkers: readonly Walker[]): Prepared {
  const step = Math.max(1, Math.floor(walkers.length / MOST));
  const requests = walkers
    .filter((_, index) => index % step === 0)
    .map(({ clientId, secret }) => {
      const form = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: secret,
        resource,
        scope: 'a:read',
      });
      return formRequest('/oauth/2/token', form.toString());
    });
  return { ...once(requests), repeat: true };
}
