/** What is accepted of the issuer that a zone had before, and for how long. */
import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { setType } from '../setup/approvals.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { newProofSystem, reportProof } from '../setup/proof-systems.js';
import { foreignForger, newKey } from '../setup/tokens/foreign-tokens.js';
import type { ForgerKey } from '../setup/tokens/token-forger.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import { newWorkloadIssuer, postToZone, workloadRequest } from '../setup/workloads.js';
import {
  ACCESS_TOKEN,
  callAdmin,
  createTestZone,
  INSTALLATION,
  readAnswer,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

/** Random changes; `ISSUER_CHANGES=200` for the whole proof. */
const CHANGES = Number(process.env['ISSUER_CHANGES'] ?? 12);
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

let replica: Replica;
let key: ForgerKey;

beforeAll(async () => {
  replica = await sharedReplica();
  key = await newKey('ES256', 'key-1');
});

const ownUrl = () => `https://${randomUUID()}.example`;

/** Gives a zone another issuer. */
const change = ({ zoneId }: TestZone, body: object): Promise<Answer> =>
  persistently(() => callAdmin(replica, 'PATCH', `/zones/${zoneId}`, body));

/** Sets until when the issuer before the last change is accepted, in seconds from now. */
const endWindow = ({ zoneId }: TestZone, seconds = -1) =>
  rows(
    replica.databaseUrl,
    `UPDATE zones SET previous_issuer_until = clock_timestamp() + make_interval(secs => $2)
      WHERE id = $1 AND previous_issuer IS NOT NULL`,
    [zoneId, seconds],
  );

function textOf({ status, body }: Answer): string {
  expect([status, body['error_description']]).toEqual([200, undefined]);
  return String(body['access_token']);
}

const session = async (zone: TestZone, more: Parameters = {}) =>
  textOf(await persistently(() => zone.session(more)));

const exchange = (zone: TestZone, subject_token: string, more: Parameters = {}) =>
  persistently(() => zone.exchange({ subject_token, ...more }));

/** Mandates that are out, and what they are used for. */
async function mandatesOf(zone: TestZone): Promise<Record<string, () => Promise<Answer>>> {
  const resource = `resource://${randomUUID()}`;
  const owner = await zone.newClient();
  await zone.admin('POST', '/resources', {
    identifier: resource,
    scopes: ['a:read'],
    owner_client_id: owner.clientId,
  });
  const passedOn = textOf(
    await exchange(zone, await session(zone, { resource: [resource, zone.resource] }), {
      resource,
    }),
  );
  const colleague = await applicationOf(zone);
  const [subject, actor] = [await session(zone), await colleague.bearer()];
  return {
    'as subject token': () => exchange(zone, subject),
    'on behalf of': () =>
      exchange(zone, passedOn, {
        client_id: owner.clientId,
        client_secret: owner.secret,
        resource: zone.resource,
      }),
    'as actor token': async () =>
      exchange(zone, await session(zone), { actor_token: actor, actor_token_type: ACCESS_TOKEN }),
    'as bearer': () =>
      persistently(() =>
        colleague.call('POST', '/agent-sessions', { lifecycle: 'task' }, { token: actor }),
      ),
  };
}

/** Tokens that others make for an issuer. */
async function tokensFor(
  zone: TestZone,
): Promise<Record<string, (issuer: string) => Promise<Answer>>> {
  const keys = { jwks: { keys: [key.publicJwk] } };
  const { clientId } = await zone.newClient(keys);
  const { clientId: ofEndpoint } = await zone.newClient({
    ...keys,
    assertion_audience: 'token_endpoint',
  });
  const cluster = await newWorkloadIssuer(zone);
  await zone.newClient({ federated_identities: [{ issuer: cluster.name, subject: 'job' }] });
  const workload_identity = { issuer: cluster.name, subject: 'pod' };
  const { clientId: pod } = await zone.newClient({ workload_identity });
  const idp = await newTrustedIssuer(zone);
  const present = (client_id: string, makeAssertion: () => Promise<string>) =>
    persistently(async () =>
      zone.session({
        client_id,
        client_secret: undefined,
        client_assertion: await makeAssertion(),
        client_assertion_type: JWT_BEARER,
      }),
    );
  const assertion = (client: string, aud: string) =>
    present(client, () => {
      const now = Math.floor(Date.now() / 1_000);
      const claims = { iss: client, sub: client, aud, iat: now, exp: now + 60, jti: randomUUID() };
      return foreignForger('ES256', key, key, claims).sign();
    });
  return {
    'an assertion': (issuer) => assertion(clientId, issuer),
    'an assertion for the token endpoint': (issuer) =>
      assertion(ofEndpoint, `${issuer}/oauth/2/token`),
    'the token of a workload': (issuer) =>
      present(pod, () => cluster.token('pod', { aud: issuer })),
    'the token of a workload alone': async (issuer) => {
      const request = workloadRequest(await cluster.token('job', { aud: issuer }));
      return persistently(() => postToZone(replica.url, zone.zoneId, request));
    },
    'a user, and who may act': async (issuer) => {
      const may_act = { iss: issuer, sub: zone.clientId };
      const ask = await idp.user('alice', { may_act });
      return persistently(() => ask());
    },
  };
}

const isRefusal = ({ status }: Answer) => status === 400 || status === 401;

describe('after a change of the issuer', () => {
  test('mandates of the one before are accepted for a while, and none is minted in its name', async () => {
    const zone = await createTestZone(replica);
    const ways = Object.entries(await mandatesOf(zone));
    const now = String(
      (await change(zone, { issuer_mode: 'own', issuer_url: ownUrl() })).body['issuer'],
    );
    expect(now).not.toBe(zone.issuer);
    for (const [name, use] of ways) {
      const { body } = await use();
      expect([name, body['error_description']]).toEqual([name, undefined]);
      const { access_token: token } = body;
      if (typeof token === 'string') expect([name, decodeJwt(token).iss]).toEqual([name, now]);
    }
    await endWindow(zone);
    for (const [name, use] of ways) expect([name, isRefusal(await use())]).toEqual([name, true]);
    const text = await session(zone);
    expect(decodeJwt(text)).toMatchObject({ iss: now, aud: now });
    expect(decodeJwt(textOf(await exchange(zone, text)))).toMatchObject({ iss: now });
  });

  test('mandates of the one before are active for a while, as who introspects them is told', async () => {
    const zone = await createTestZone(replica);
    const token = textOf(await exchange(zone, await session(zone)));
    await change(zone, { issuer_mode: 'own', issuer_url: ownUrl() });
    const introspect = async () => {
      const form = { client_id: zone.clientId, client_secret: zone.secret, token };
      const body = new URLSearchParams(form);
      const at = `${replica.url}/zones/${zone.zoneId}/oauth/2/introspect`;
      return readAnswer(await fetch(at, { method: 'POST', body }));
    };
    expect((await persistently(introspect)).body).toMatchObject({ active: true, iss: zone.issuer });
    await endWindow(zone);
    await expect.poll(async () => (await persistently(introspect)).body).toEqual({ active: false });
  });

  test('policies know the issuer of today, whichever a mandate has', async () => {
    const zone = await createTestZone(replica);
    const text = await session(zone);
    const permit = (issuer: string) =>
      zone.activate(`@id("ours") permit (principal, action == Action::"TokenExchange", resource)
        when { context has subject_claims && context.subject_claims has iss && context.subject_claims.iss == "${issuer}" };`);
    await permit(zone.issuer);
    textOf(await exchange(zone, text));
    const { body } = await change(zone, { issuer_mode: 'own', issuer_url: ownUrl() });
    expect((await exchange(zone, text)).body).toMatchObject({ error: 'access_denied' });
    await permit(String(body['issuer']));
    textOf(await exchange(zone, text));
  });

  test('tokens for the one before are accepted for a while, those for others never', async () => {
    const zone = await createTestZone(replica);
    const ways = Object.entries(await tokensFor(zone));
    const now = String(
      (await change(zone, { issuer_mode: 'own', issuer_url: ownUrl() })).body['issuer'],
    );
    for (const [name, use] of ways) {
      for (const issuer of [zone.issuer, now]) {
        const { iss, may_act: mayAct } = decodeJwt<{ may_act?: object }>(textOf(await use(issuer)));
        expect([name, iss]).toEqual([name, now]);
        if (mayAct !== undefined) expect(mayAct).toEqual({ iss: now, sub: zone.clientId });
      }
      for (const issuer of [INSTALLATION, `${now}/`, `${zone.issuer}/`]) {
        expect([name, issuer, isRefusal(await use(issuer))]).toEqual([name, issuer, true]);
      }
    }
    await endWindow(zone);
    for (const [name, use] of ways) {
      expect([name, isRefusal(await use(zone.issuer))]).toEqual([name, true]);
      expect([name, (await use(now)).status]).toEqual([name, 200]);
    }
  });

  test('the one before ends by itself, also where the zone is in memory', async () => {
    const zone = await createTestZone(replica);
    const text = await session(zone);
    await change(zone, { issuer_mode: 'shared' });
    expect((await exchange(zone, text)).status).toBe(200);
    await endWindow(zone, 2);
    await expect.poll(async () => (await exchange(zone, text)).status, { interval: 100 }).toBe(400);
  });

  test('a proof system may name one of our clients by either, and by no other', async () => {
    const zone = await createTestZone(replica, APPROVE_WRITES);
    await setType(zone, { satisfied_by: ['proof_system'] });
    const system = await newProofSystem(zone);
    const approver = await zone.newClient();
    const report = async (iss: string) => {
      const { id } = heldIn(
        await persistently(() =>
          zone.session({ scope: 'a:write', ttl_seconds: String(60 + asked++) }),
        ),
      );
      const { body } = await persistently(() =>
        callAdmin(replica, 'GET', `/zones/${zone.zoneId}/challenges/${id}`),
      );
      const by = { sub: approver.clientId, iss };
      return reportProof(zone, system, id, { body: { binding: body['binding'], by } });
    };
    let asked = 0;
    const now = String((await change(zone, { issuer_mode: 'shared' })).body['issuer']);
    for (const [iss, status] of [
      [zone.issuer, 204],
      [now, 204],
      [ownUrl(), 400],
    ] as const) {
      expect([iss, (await report(iss)).status]).toEqual([iss, status]);
    }
    await endWindow(zone);
    expect([(await report(zone.issuer)).status, (await report(now)).status]).toEqual([400, 204]);
  });
});

test('no mandate is accepted in another zone, nor of an issuer that is neither the one of today nor the one before', async () => {
  const zones = [await createTestZone(replica), await createTestZone(replica)];
  const issuers = zones.map(({ issuer }) => ({ now: issuer, before: null as string | null }));
  const minted: { readonly of: number; readonly iss: string; readonly text: string }[] = [];
  const step = fc.record({
    zone: fc.constantFrom(0, 1),
    mode: fc.constantFrom('zone', 'own', 'shared'),
    ends: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(step, async ({ zone: index, mode, ends }) => {
      const [zone, state] = [zones[index], issuers[index]];
      if (zone === undefined || state === undefined) throw new Error('no such zone');
      if (ends) {
        await endWindow(zone);
        state.before = null;
      }
      const body = { issuer_mode: mode, ...(mode === 'own' ? { issuer_url: ownUrl() } : {}) };
      const changed = await change(zone, body);
      expect([200, 409]).toContain(changed.status);
      const issuer = changed.status === 200 ? String(changed.body['issuer']) : state.now;
      if (issuer !== state.now) Object.assign(state, { now: issuer, before: state.now });
      const text = await session(zone);
      expect(decodeJwt(text)).toMatchObject({ iss: state.now, aud: state.now });
      minted.push({ of: index, iss: state.now, text });
      for (const one of [...minted.slice(-4), ...minted.slice(0, 2)]) {
        for (const [at, there] of zones.entries()) {
          const { now, before } = issuers[at] ?? { now: '', before: null };
          const accepted = at === one.of && [now, before].includes(one.iss);
          // oxlint-disable-next-line no-await-in-loop -- one after the other, as the issuers are now
          const answer = await exchange(there, one.text);
          expect([one, at, answer.status]).toEqual([one, at, accepted ? 200 : 400]);
        }
      }
    }),
    { numRuns: CHANGES, endOnFailure: true },
  );
});
