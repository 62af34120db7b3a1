/** How the secrets that processes are started with are changed, replica by replica: `docs/administration.md`. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gatewayHeaders } from '../setup/gateway.js';
import { createDatabase, startReplica, type Replica } from '../setup/harness.js';
import { callWith } from '../setup/operators.js';
import { persistently } from '../setup/patience.js';

const drawn = () => randomBytes(32).toString('hex');
const OLD = { admin: drawn(), metrics: drawn(), gateway: drawn() };
const NEW = { admin: drawn(), metrics: drawn(), gateway: drawn() };

/** A replica that is started with these values of each. */
const startWith = (databaseUrl: string, ...values: (typeof OLD)[]) =>
  startReplica({
    databaseUrl,
    env: {
      ADMIN_TOKEN: values.map(({ admin }) => admin).join('\n'),
      METRICS_TOKEN: values.map(({ metrics }) => metrics).join(' '),
      GATEWAY_HMAC_KEY: values.map(({ gateway }) => gateway).join(' \n'),
    },
  });

let before: Replica;
let during: Replica;
let after: Replica;

beforeAll(async () => {
  const databaseUrl = await createDatabase();
  before = await startWith(databaseUrl, OLD);
  during = await startWith(databaseUrl, NEW, OLD);
  after = await startWith(databaseUrl, NEW);
});

afterAll(async () => {
  await Promise.all([before, during, after].map((replica) => replica?.stop()));
});

/** The statuses of a request with each secret. */
async function statusesAt(replica: Replica, { admin, metrics, gateway }: typeof OLD) {
  const body = '{}';
  const path = '/internal/policy/simulate';
  const signed = await persistently(() =>
    fetch(replica.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...gatewayHeaders({ key: gateway, body, path }),
      },
      body,
    }),
  );
  const figures = await persistently(() =>
    fetch(`${replica.url}/metrics`, { headers: { authorization: `Bearer ${metrics}` } }),
  );
  const zones = await callWith(replica, admin, 'GET', '/zones');
  // The body of a gateway that is let in lacks something.
  return { admin: zones.status, metrics: figures.status, gateway: signed.status };
}

const LET_IN = { admin: 200, metrics: 200, gateway: 400 };
const REFUSED = { admin: 401, metrics: 401, gateway: 401 };

test('while replicas are started anew, who has the old and who has the new secret is let in', async () => {
  expect(await statusesAt(before, OLD)).toEqual(LET_IN);
  expect(await statusesAt(during, OLD)).toEqual(LET_IN);
  expect(await statusesAt(during, NEW)).toEqual(LET_IN);
  expect(await statusesAt(after, NEW)).toEqual(LET_IN);
});

test('before that the new one is none, and after that the old one', async () => {
  expect(await statusesAt(before, NEW)).toEqual(REFUSED);
  expect(await statusesAt(after, OLD)).toEqual(REFUSED);
});
