import { z } from 'zod';
import { ZONE_ALGS } from '../../../oauth/algorithms.js';
import { isJsonArray, type JsonValue } from '../../../oauth/strict-json.js';
import { ASSERTION_AUDIENCES } from '../../../zones/clients/asserting-client.js';
import type { Item, Noun } from '../field.js';
import {
  canonicalKeySet,
  identifier,
  issuerName,
  instant,
  keySet,
  line,
  scopeToken,
  secretFrom,
} from './values.js';

/** The methods that take a secret, which a client has that has nothing else. */
const SECRET_METHODS = ['client_secret_basic', 'client_secret_post'];
const FEDERATED = 'federated_identity';

const subject = z.string().min(1).max(255);
const workload = z.strictObject({
  issuer: issuerName().describe(
    'One of the issuers of the zone, whose tokens may be client assertions.',
  ),
  subject: subject.describe('Exactly what its tokens say.'),
});
const federated = workload.extend({
  audience: issuerName()
    .optional()
    .describe('The one `aud` that its tokens must have; the issuer of the zone by default.'),
});

const { env, file } = secretFrom();
const expires_at = instant()
  .optional()
  .describe(
    'When the newest of its secrets stops working. Stays as it is where the file does not say.',
  );

/** Who may ask. */
export const CLIENTS: Noun = {
  section: 'clients',
  title: 'client',
  path: 'clients',
  query: { secrets: 'true' },
  key: 'name',
  change: 'patch',
  description: 'Who may ask for mandates.',
  derive: (item) => ({ auth_methods: methodsOf(item) }),
  fields: {
    name: {
      type: line().describe('Unique in the zone. Another name is another client.'),
      absent: null,
    },
    description: {
      type: line().describe('What it is, for the people who confirm its requests.'),
      absent: null,
    },
    disabled: {
      type: z
        .boolean()
        .describe(
          'A disabled client is refused everywhere. Stays as it is where the file does not say.',
        ),
      absent: false,
      stays: true,
      notAtFirst: true,
    },
    labels: {
      type: z.array(line()).max(50).describe('What policies can tell clients apart by.'),
      absent: [],
      unordered: true,
    },
    groups: {
      type: z
        .array(line())
        .max(50)
        .describe('Groups that policies can name: `principal in Group::"…"`.'),
      absent: [],
      unordered: true,
    },
    default_resources: {
      type: z
        .array(identifier())
        .max(20)
        .describe('What its requests are for that name no resource, by identifier (RFC 8707 2).'),
      absent: [],
      refersTo: 'resources',
    },
    app_id: {
      type: line().describe(
        'What operators call the application elsewhere. It means nothing here.',
      ),
      absent: null,
    },
    scopes: {
      type: z
        .array(scopeToken())
        .max(200)
        .describe(
          'All scopes that it may be granted, whatever policy allows. Left out: no such limit.',
        ),
      absent: null,
      unordered: true,
    },
    audience: {
      type: z
        .array(identifier())
        .max(200)
        .describe('All resources that it may have mandates for. Left out: no such limit.'),
      absent: null,
      unordered: true,
    },
    access_token_lifespan: {
      type: z
        .int()
        .min(1)
        .max(3600)
        .describe('The most seconds that a mandate lives that it is issued.'),
      absent: null,
    },
    ssf: {
      type: z
        .boolean()
        .describe('Whether it may receive shared signals of the zone (OpenID SSF 1.0).'),
      absent: false,
    },
    introspection_signed_response_alg: {
      type: z
        .enum(ZONE_ALGS)
        .describe('The algorithm that signs its introspection answers (RFC 9701 6).'),
      absent: null,
    },
    auth_methods: {
      type: z
        .array(z.enum([...SECRET_METHODS, 'private_key_jwt', 'workload_identity', FEDERATED]))
        .min(1)
        .describe(
          'How it may authenticate. By default what goes with the rest: keys, a workload or a secret.',
        ),
      absent: null,
      unordered: true,
    },
    jwks: {
      type: keySet().describe('Its public keys, for `private_key_jwt`.'),
      absent: null,
      canonical: canonicalKeySet,
      letGo: true,
    },
    jwks_uri: {
      type: z.url().describe('Where it publishes them, instead.'),
      absent: null,
      letGo: true,
    },
    assertion_audience: {
      type: z
        .enum(ASSERTION_AUDIENCES)
        .describe('What the `aud` of its assertions must be (RFC 10070).'),
      absent: 'issuer',
      resetByNull: true,
    },
    workload_identity: {
      type: workload.describe('Whose token authenticates it: then it has no secret and no keys.'),
      absent: null,
      letGo: true,
    },
    federated_identities: {
      type: z
        .array(federated)
        .max(20)
        .describe('Whose tokens name it at the token endpoint of the zone.'),
      absent: [],
      unordered: true,
      mayBeIssuer: true,
    },
    secret: {
      type: z
        .union([
          z.strictObject({ env, expires_at }),
          z.strictObject({ file, expires_at }),
          z.strictObject({
            generate: z
              .literal(true)
              .describe('The server draws it. It is shown once, or written to --secrets-out.'),
            expires_at,
          }),
        ])
        .describe(
          'Where its secret comes from. It is set where the client has none, or none that was given.',
        ),
      absent: null,
      secret: true,
    },
  },
};

/** As the API has it: a workload, keys or a secret, and federated identities beside it. */
function methodsOf(item: Item): readonly string[] {
  const own = ownMethods(item);
  return isFilled(item['federated_identities']) ? [...own, FEDERATED].toSorted() : own;
}

function ownMethods(item: Item): readonly string[] {
  if (item['workload_identity'] !== undefined) return ['workload_identity'];
  if (item['jwks'] !== undefined || item['jwks_uri'] !== undefined) return ['private_key_jwt'];
  return isFilled(item['federated_identities']) && item['secret'] === undefined
    ? []
    : SECRET_METHODS;
}

function isFilled(value: JsonValue | undefined): boolean {
  return value !== undefined && isJsonArray(value) && value.length > 0;
}

/** Whether a client may have a secret. */
export function takesSecret(methods: JsonValue | undefined): boolean {
  return (
    methods !== undefined &&
    isJsonArray(methods) &&
    methods.some((one) => typeof one === 'string' && SECRET_METHODS.includes(one))
  );
}
