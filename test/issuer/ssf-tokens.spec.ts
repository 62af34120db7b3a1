import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  PERMIT_ALL,
  postForm,
  TOKEN_EXCHANGE,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

let a: Replica;
let b: Replica;
let zone: TestZone;
let receiver: { clientId: string; secret: string };
let ssf: string;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
  zone = await createTestZone(a);
  receiver = await zone.newClient({ ssf: true });
  const configured = await fetch(`${a.url}/zones/${zone.zoneId}/.well-known/jwks.json`);
  expect(configured.status).toBe(200);
  const { target } = decodeJwt(String((await ask({ scope: 'ssf.read' })).body['access_token']));
  ssf = String((target as string[])[0]);
});

const ask = (parameters: Parameters, as = receiver, at = b) =>
  persistently(() =>
    postForm(at.url, {
      grant_type: 'client_credentials',
      client_id: as.clientId,
      client_secret: as.secret,
      ...parameters,
    }),
  );

async function reasonOf(requestId: string): Promise<unknown> {
  const [event] = await zone.audit(requestId);
  return event?.event['reason'];
}

describe('a token for shared signals', () => {
  test('is had with a scope and nothing else, as the CAEP profile has it', async () => {
    const answer = await ask({ scope: 'ssf.manage ssf.read' });
    expect(answer.status).toBe(200);
    const claims = decodeJwt(String(answer.body['access_token']));
    expect(claims).toMatchObject({ target: [ssf], use: 'session', sub: receiver.clientId });
    expect(String(claims['scope']).split(' ').toSorted()).toEqual(['ssf.manage', 'ssf.read']);
    expect(ssf).toMatch(new RegExp(`/zones/${zone.zoneId}/ssf$`));
    const [event] = await zone.audit(answer.requestId);
    expect(event?.event['requested']).toMatchObject({ resources: [ssf], resources_from: 'scope' });
  });

  test('may name its resource', async () => {
    const answer = await ask({ scope: 'ssf.read', resource: ssf });
    expect(decodeJwt(String(answer.body['access_token']))).toMatchObject({ target: [ssf] });
  });

  test('is had by a client that has default resources, which asks for those with any other scope', async () => {
    const both = await zone.newClient({ ssf: true, default_resources: [zone.resource] });
    const signals = await ask({ scope: 'ssf.read' }, both);
    expect(decodeJwt(String(signals.body['access_token']))['target']).toEqual([ssf]);
    const other = await ask({ scope: 'a:read' }, both);
    expect(decodeJwt(String(other.body['access_token']))['target']).toEqual([zone.resource]);
    const mixed = await ask({ scope: 'a:read ssf.read' }, both);
    expect([mixed.status, mixed.body['error']]).toEqual([400, 'invalid_scope']);
  });

  test('is refused to a client of which no operator has said so, from the next request on', async () => {
    const client = await zone.newClient();
    const unnamed = await ask({ scope: 'ssf.read' }, client);
    expect([unnamed.status, unnamed.body['error']]).toEqual([400, 'invalid_target']);
    const named = await ask({ scope: 'ssf.read', resource: ssf }, client);
    expect([named.status, named.body['error']]).toEqual([400, 'invalid_target']);
    expect(await reasonOf(named.requestId)).toMatch(/system resource/);

    const on = await zone.admin('PATCH', `/clients/${client.clientId}`, { ssf: true });
    expect(on['ssf']).toBe(true);
    expect((await ask({ scope: 'ssf.read' }, client)).status).toBe(200);
    await zone.admin('PATCH', `/clients/${client.clientId}`, { ssf: false });
    expect((await ask({ scope: 'ssf.read' }, client)).status).toBe(400);
  });

  test('is no mandate for others: a resource mandate for it is never minted', async () => {
    const subject = (await ask({ scope: 'ssf.manage' })).body['access_token'];
    const exchanged = await ask({
      grant_type: TOKEN_EXCHANGE,
      subject_token: String(subject),
      subject_token_type: ACCESS_TOKEN,
      resource: ssf,
    });
    expect([exchanged.status, exchanged.body['error']]).toEqual([400, 'invalid_target']);
  });

  test('is for policy to deny', async () => {
    const strict = await createTestZone(a);
    const allowed = await strict.newClient({ ssf: true });
    await strict.activate(
      `${PERMIT_ALL} @id("no-signals") forbid (principal, action, resource)
         when { resource.identifier like "*/ssf" };`,
    );
    const answer = await ask({ scope: 'ssf.read' }, allowed);
    expect([answer.status, answer.body['error']]).toEqual([403, 'access_denied']);
  });

  test('is of the zone alone', async () => {
    const other = await createTestZone(a);
    const elsewhere = await other.newClient({ ssf: true });
    const answer = await ask({ scope: 'ssf.read', resource: ssf }, elsewhere);
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_target']);
  });
});
