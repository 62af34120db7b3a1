import { decodeJwt, jwtVerify, type createLocalJWKSet } from 'jose';
import { tokenOf } from '../../test/setup/agents.js';
import { persistently } from '../../test/setup/patience.js';
import type { TestZone } from '../../test/setup/zone.js';
import { getRequest } from '../load/connection.js';
import { readHead } from './answers.js';
import type { Kind } from './candidate.js';
import { always } from './prepared.js';

/** A resource whose mandates are in a status list. */
const LISTED = 'resource://listed';

/**
 * The kinds of documents that anybody reads: the key set, the metadata and a status list of a zone. All are served from
 * memory, in front of the framework.
 *
 * @param keys the keys of the zone
 */
export async function documentKinds(
  zone: TestZone,
  keys: ReturnType<typeof createLocalJWKSet>,
): Promise<Kind[]> {
  const of = `/zones/${zone.zoneId}`;
  const kind = (name: string, path: string, look: (text: string) => Promise<boolean>): Kind => ({
    name,
    status: 200,
    prepare: () => Promise.resolve(always(getRequest(path))),
    check: async (samples) => {
      for (const sample of samples) {
        const { text } = readHead(sample);
        if (!(await look(text))) throw new Error(`no ${name}: ${text}`);
      }
    },
  });
  return [
    kind(
      'key set',
      `${of}/.well-known/jwks.json`,
      async (text) => memberOf(text, 'keys') !== undefined,
    ),
    kind(
      'discovery',
      `/.well-known/oauth-authorization-server${of}`,
      async (text) => memberOf(text, 'issuer') === zone.issuer,
    ),
    kind('status list', await pathOfList(zone), async (text) => {
      const { payload } = await jwtVerify(text, keys, { typ: 'statuslist+jwt' });
      return payload['status_list'] !== undefined;
    }),
  ];
}

function memberOf(text: string, name: string): unknown {
  return Reflect.get(Object(JSON.parse(text)), name);
}

/** Has a mandate issued that is in a status list, and says where that is. */
async function pathOfList(zone: TestZone): Promise<string> {
  await zone.admin('POST', '/resources', {
    identifier: LISTED,
    scopes: ['a:read'],
    revocation: 'status_list',
  });
  const asked = { resource: LISTED, scope: 'a:read' };
  const subject_token = tokenOf(await persistently(() => zone.session(asked)));
  const token = tokenOf(await persistently(() => zone.exchange({ ...asked, subject_token })));
  const { status } = decodeJwt(token);
  const list: unknown = Reflect.get(Object(status), 'status_list');
  return new URL(String(Reflect.get(Object(list), 'uri'))).pathname;
}
