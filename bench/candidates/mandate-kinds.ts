import { auditOf, rows } from '../../test/setup/databases.js';
import { tokenOf } from '../../test/setup/agents.js';
import { gatewayHeaders } from '../../test/setup/gateway.js';
import { persistently } from '../../test/setup/patience.js';
import { ACCESS_TOKEN, TOKEN_EXCHANGE, type Parameters } from '../../test/setup/zone.js';
import { formRequest } from '../load/connection.js';
import { keysAt, readHead, readSample, verifiedClaims } from './answers.js';
import type { Kind } from './candidate.js';
import { documentKinds } from './document-kinds.js';
import { introspectionKinds } from './introspection-kinds.js';
import type { BenchZone } from './mandate-zone.js';
import { always, once, type Prepared } from './prepared.js';
import { SubjectPool } from './subject-pool.js';

const TOKEN_PATH = '/oauth/2/token';
const REVOCATION_PATH = '/oauth/2/revoke';

/** How many mandates are introspected by one request at most: none of them twice. */
const INTROSPECTED = 100;

/** All kinds of requests that ours is measured with. */
export async function mandateKinds(bench: BenchZone, gatewayKey: string): Promise<Kind[]> {
  const { zone, subject: subject_token } = bench;
  const keys = await keysOf(bench);
  const secret = { client_id: zone.clientId, client_secret: zone.secret };
  const mandates: string[] = [];
  while (mandates.length < INTROSPECTED) {
    mandates.push(tokenOf(await persistently(() => zone.exchange({ subject_token }))));
  }
  return [
    ...(await tokenKinds(bench, gatewayKey)),
    ...introspectionKinds({ secret, mandates }),
    ...(await documentKinds(zone, keys)),
  ];
}

const keysOf = ({ zone: { replica, zoneId } }: BenchZone): ReturnType<typeof keysAt> =>
  keysAt(`${replica.url}/.well-known/jwks.json?zone_id=${zoneId}`);

/**
 * The kinds that have mandates issued or taken back. Nothing is asked of the server for them but its key set, so that the
 * first of them is the first request of a process that was just started.
 */
export async function tokenKinds(bench: BenchZone, gatewayKey: string): Promise<Kind[]> {
  const { zone, subject, asserting, delegated } = bench;
  const { replica } = zone;
  const keys = await keysOf(bench);
  const secret = { client_id: zone.clientId, client_secret: zone.secret };
  const read = { resource: zone.resource, scope: 'a:read' };
  const onBehalf = { subject_token: subject, subject_token_type: ACCESS_TOKEN };
  const session = { grant_type: 'client_credentials', ...secret, ...read };
  const exchange = { grant_type: TOKEN_EXCHANGE, ...secret, ...onBehalf, ...read };
  const pool = new SubjectPool(Number(replica.ports[0]), request(session));

  /** Verifies the tokens of answers, and that each is on record once, with its `jti`. */
  const issued = (scope: string, use: string) => async (samples: readonly string[]) => {
    const audience = use === 'session' ? zone.issuer : zone.resource;
    for (const sample of samples) {
      const answer = readSample(sample);
      const claims = await verifiedClaims(answer, keys, { audience, scope });
      if (claims['use'] !== use) throw new Error(`a ${String(claims['use'])} mandate for ${use}`);
      const events = await auditOf(replica.databaseUrl, answer.requestId);
      const found = events.map(({ outcome, jti }) => `${outcome} ${jti}`).join();
      if (found !== `issued ${claims.jti}`) throw new Error(`on record is "${found}"`);
    }
  };
  /** Verifies that answers are denials by policy, on record as such. */
  const denied = async (samples: readonly string[]): Promise<void> => {
    for (const sample of samples) {
      const { requestId, body } = readSample(sample);
      const events = await auditOf(replica.databaseUrl, requestId);
      const found = events.map(({ outcome }) => outcome).join();
      if (body['error'] !== 'access_denied' || found !== 'denied') {
        throw new Error(`a denial is "${String(body['error'])}", on record is "${found}"`);
      }
    }
  };
  /** Verifies that answers are empty, and that each is on record as a revocation. */
  const revoked = async (samples: readonly string[]): Promise<void> => {
    for (const sample of samples) {
      const { requestId, text } = readHead(sample);
      const events = await auditOf(replica.databaseUrl, requestId);
      const found = events
        .map(({ outcome, event }) => `${outcome} ${String(event['type'])}`)
        .join();
      if (text !== '' || found !== 'done token_revocation') {
        throw new Error(`a revocation is "${text}", on record is "${found}"`);
      }
    }
  };
  /** Every answer leaves one event in a hash chain, so the heads say how many there were. */
  const recorded = async (): Promise<number> => {
    const [row] = await rows<{ n: string }>(
      replica.databaseUrl,
      'SELECT coalesce(sum(seq), 0) AS n FROM audit_chains',
    );
    return Number(row?.n);
  };
  const ok = (name: string, form: Parameters, make: Make = () => Promise.resolve(null)): Kind => ({
    name,
    status: 200,
    prepare: async (count) => (await make(count)) ?? always(request(form)),
    check: issued(String(form['scope']), name === 'session' ? 'session' : 'resource'),
    recorded,
  });

  const throughGateway = encode({ ...exchange, client_secret: undefined });
  const asserted = {
    ...exchange,
    client_id: undefined,
    client_secret: undefined,
    subject_token: asserting.subject,
  };
  const delegation = ({
    application,
    subject: token,
    parameters,
  }: BenchZone['delegated']['one']) => ({
    grant_type: TOKEN_EXCHANGE,
    client_id: application.clientId,
    client_secret: application.secret,
    subject_token: token,
    subject_token_type: ACCESS_TOKEN,
    resource: zone.resource,
    ...parameters,
  });
  return [
    ok('exchange', exchange),
    {
      ...ok('session', session),
      keep: (bodies) => pool.add(bodies),
    },
    ok('exchange, new subject', exchange, async (count) => {
      const tokens = await pool.take(count);
      return once(tokens.map((token) => request({ ...exchange, subject_token: token })));
    }),
    ok('gateway', exchange, (count) =>
      severally(count, () =>
        formRequest(
          TOKEN_PATH,
          throughGateway,
          gatewayHeaders({ key: gatewayKey, body: throughGateway }),
        ),
      ),
    ),
    ok('private_key_jwt', asserted, (count) =>
      severally(count, () => request({ ...asserted, ...asserting.assertion() })),
    ),
    ok('delegated, 1 hop', delegation(delegated.one)),
    ok('delegated, 3 hops', delegation(delegated.three)),
    {
      ...ok('denied', {}),
      status: 403,
      prepare: () => Promise.resolve(always(request({ ...exchange, scope: 'a:write' }))),
      check: denied,
    },
    {
      // Of as many mandates: a second revocation of one would change nothing, and cost less.
      ...ok('revoke', {}),
      prepare: async (count) => {
        const tokens = await pool.take(count);
        return once(
          tokens.map((token) => formRequest(REVOCATION_PATH, encode({ ...secret, token }))),
        );
      },
      check: revoked,
    },
  ];
}

/** Makes requests for a run; `null` if one does for all of it. */
type Make = (count: number) => Promise<Prepared | null>;

const severally = (count: number, make: () => Buffer): Promise<Prepared> =>
  Promise.resolve(once(Array.from({ length: count }, make)));

function encode(parameters: Parameters): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of value === undefined ? [] : [value].flat()) form.append(name, one);
  }
  return form.toString();
}

const request = (parameters: Parameters): Buffer => formRequest(TOKEN_PATH, encode(parameters));
