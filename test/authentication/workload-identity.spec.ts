import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { expectRefused, openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { secondsNow } from '../setup/tokens/foreign-tokens.js';
import type { Members } from '../setup/tokens/token-forger.js';
import { JWT_TYPE, newWorkloadIssuer, type WorkloadIssuer } from '../setup/workloads.js';
import {
  callAdmin,
  createTestZone,
  postForm,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const SUBJECT = 'system:serviceaccount:default:web';
const FAILED = {
  status: 401,
  error: 'invalid_client',
  description: 'client authentication failed',
};

let replica: Replica;
let twin: Replica;
let zone: TestZone;
let view: LedgerView;
let cluster: WorkloadIssuer;
/** An issuer whose tokens are of users. */
let idp: WorkloadIssuer;
let workload: string;

beforeAll(async () => {
  [replica, twin] = [await sharedReplica(), await sharedReplica('second')];
  zone = await createTestZone(replica);
  view = await openLedgerView(replica.databaseUrl);
  cluster = await newWorkloadIssuer(zone);
  const ofUsers = { token_types: ['jwt', 'id_token'], audiences: ['https://mandate.example'] };
  idp = await newWorkloadIssuer(zone, ofUsers);
  workload = await bound({ issuer: cluster.name, subject: SUBJECT });
});

afterAll(() => view?.close());

/** Registers a client that is a workload. */
async function bound(identity: object): Promise<string> {
  return (await zone.newClient({ workload_identity: identity })).clientId;
}

describe('a workload with the token of its cluster as client assertion', () => {
  const identityToken = (claims: Members = {}, issuer = cluster) =>
    issuer.forger.sign(
      { typ: undefined },
      {
        sub: SUBJECT,
        aud: [zone.issuer, 'https://kubernetes.default.svc'],
        exp: secondsNow() + 3_600,
        ...claims,
      },
    );

  const ask = (text: string, parameters: Parameters = {}, at = replica) =>
    postForm(at.url, {
      grant_type: 'client_credentials',
      client_id: workload,
      client_assertion: text,
      client_assertion_type: JWT_BEARER,
      resource: zone.resource,
      scope: 'a:read',
      ...parameters,
    });

  test('asks with the token that its cluster gave it, again and again, and has no secret', async () => {
    const shown = await zone.admin('GET', `/clients/${workload}`);
    expect(shown).toMatchObject({
      auth_methods: ['workload_identity'],
      workload_identity: { issuer: cluster.name, subject: SUBJECT },
    });
    const text = await identityToken();
    const answers = [await ask(text), await ask(text), await ask(text, {}, twin)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const [first] = answers;
    if (first === undefined) throw new Error('no answer');
    const claims = decodeJwt(String(first.body['access_token']));
    expect(claims).toMatchObject({ sub: workload, sub_type: 'application', use: 'session' });
    expect(claims['sub_iss']).toBeUndefined();
    expect((await zone.session({ client_id: workload, client_secret: 'x' })).status).toBe(401);
  });

  test.each<[string, Members | (() => Members), string]>([
    ['another workload', { sub: 'system:serviceaccount:default:db' }, 'wrong_sub'],
    ['another audience', { aud: 'https://kubernetes.default.svc' }, 'wrong_audience'],
    ['no audience', { aud: undefined }, 'invalid_aud'],
    // When it is asked, which may be long after this table was made.
    ['a life of more than an hour', () => ({ exp: secondsNow() + 3_700 }), 'too_long_lived'],
    ['no end', { exp: undefined }, 'invalid_exp'],
    ['an end', { exp: secondsNow() - 40, iat: secondsNow() - 100 }, 'expired'],
    ['another issuer', () => ({ iss: idp.name }), 'wrong_issuer'],
    ['the client itself for issuer', () => ({ iss: workload, sub: workload }), 'wrong_issuer'],
  ])('is refused with the token of %s', async (_name, claims, reason) => {
    const changes = typeof claims === 'function' ? claims() : claims;
    await expectRefused(view, await ask(await identityToken(changes)), {
      ...FAILED,
      reason: `client_assertion: ${reason}`,
    });
  });

  test('is not refused for a key of its issuer alone: the issuer must be registered for it', async () => {
    const client = await bound({ issuer: idp.name, subject: SUBJECT });
    const answer = await ask(await identityToken({}, idp), { client_id: client });
    await expectRefused(view, answer, {
      ...FAILED,
      reason: 'client_assertion: token_type_not_allowed',
    });
  });

  test('must be named beside its token', async () => {
    const answer = await ask(await identityToken(), { client_id: undefined });
    await expectRefused(view, answer, { ...FAILED, reason: 'unknown client' });
  });

  test('cannot open a user session with its token, nor a user authenticate a client', async () => {
    const asUser = await zone.exchange({
      subject_token: await identityToken({ aud: 'https://mandate.example' }),
      subject_token_type: JWT_TYPE,
    });
    await expectRefused(view, asUser, {
      status: 400,
      error: 'invalid_request',
      description: 'the subject_token is not usable',
      reason: 'subject_token: token_type_not_allowed',
    });
  });

  test('keeps its issuer: it cannot be removed while a client is bound to it', async () => {
    const path = `/zones/${zone.zoneId}/issuers/${cluster.id}`;
    expect((await callAdmin(replica, 'DELETE', path)).status).toBe(409);
    const both = await callAdmin(replica, 'POST', `/zones/${zone.zoneId}/clients`, {
      name: randomUUID(),
      auth_methods: ['workload_identity', 'client_secret_post'],
      workload_identity: { issuer: cluster.name, subject: SUBJECT },
    });
    expect(both.status).toBe(422);
  });
});
