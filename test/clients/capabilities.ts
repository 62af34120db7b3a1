import { decodeJwt } from 'jose';
import type { Recorded } from './recorder.js';

/** Something that a client can do, as its requests show. */
export interface Capability {
  /** The heading of its column in docs/clients.md. */
  readonly name: string;
  /** Whether the requests of one run of one program show it. */
  readonly shownBy: (recorded: readonly Recorded[]) => boolean;
}

const granted = (recorded: readonly Recorded[]): readonly Recorded[] =>
  recorded.filter(({ status, body }) => status === 200 && typeof body['access_token'] === 'string');

/** A capability that one granted request shows. */
const ofGrant = (name: string, shows: (one: Recorded) => boolean): Capability => ({
  name,
  shownBy: (recorded) => granted(recorded).some(shows),
});

const isSession = ({ form }: Recorded) => form.get('grant_type') === 'client_credentials';

const isExchange = ({ form }: Recorded) =>
  form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:token-exchange';

const hasCredentials = ({ scheme, form }: Recorded) =>
  scheme === 'basic' || form.has('client_secret') || form.has('client_assertion');

/** Whether the subject token is one of another issuer than ours. */
const isForeign = ({ form }: Recorded) =>
  form.has('subject_token') && !('use' in decodeJwt(form.get('subject_token') ?? ''));

/** The columns of the table in docs/clients.md, in order. */
export const CAPABILITIES: readonly Capability[] = [
  ofGrant('`client_credentials`', isSession),
  ofGrant('token exchange', isExchange),
  ofGrant('`client_secret_basic`', ({ scheme }) => scheme === 'basic'),
  ofGrant('`client_secret_post`', ({ form }) => form.has('client_secret')),
  ofGrant(
    '`private_key_jwt`',
    ({ form }) => form.get('client_assertion_type')?.endsWith(':jwt-bearer') === true,
  ),
  ofGrant('`resource`', ({ form }) => form.has('resource')),
  ofGrant('`audience`', ({ form }) => form.has('audience')),
  ofGrant('`default_resources`', ({ form }) => !form.has('resource') && !form.has('audience')),
  {
    name: 'metadata',
    shownBy: (recorded) =>
      recorded.some(
        ({ path, status }) =>
          status === 200 && /\/\.well-known\/(?:openid|oauth)-[a-z-]+(?:\/|$)/.test(path),
      ),
  },
  {
    name: 'key set',
    shownBy: (recorded) =>
      recorded.some(({ path, status }) => status === 200 && path.endsWith('/jwks.json')),
  },
  {
    name: 'held requests',
    shownBy: (recorded) =>
      recorded.some(({ body }) => body['error'] === 'interaction_required') &&
      granted(recorded).some(({ form }) => form.has('challenge_id')),
  },
  {
    name: 'renewal',
    shownBy: (recorded) =>
      granted(recorded).filter((one) => isSession(one) && !one.form.has('challenge_id')).length > 1,
  },
  ofGrant(
    'token of another issuer',
    (one) => isExchange(one) && isForeign(one) && hasCredentials(one),
  ),
  ofGrant(
    'workload without a secret',
    (one) => isExchange(one) && isForeign(one) && !hasCredentials(one),
  ),
];
