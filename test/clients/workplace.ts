import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { newWorkloadIssuer } from '../setup/workloads.js';
import { createTestZone, type Answer, type Parameters, type TestZone } from '../setup/zone.js';
import { startRecorder, type Recorded, type Recorder } from './recorder.js';

export const ORDERS = 'https://orders.example';
const INVOICES = 'https://invoices.example';
export const PAYMENTS = 'https://payments.example';

/** What the programs of docs/clients.md find: the resources that the page speaks of, and everything that they read. */
export interface Workplace {
  /** The address that clients know, below which the issuers of zones are: what they ask for is written down there. */
  readonly recorder: Recorder;
  readonly zone: TestZone;
  /** Mandates that resources refuse, by what is wrong with them. */
  readonly refused: Readonly<Record<string, string>>;
  /** A mandate for {@link ORDERS}. */
  readonly good: string;
  /** One for a resource that takes `typ` `JWT`. */
  readonly goodTypJwt: string;
  /** A client that has registered a key. */
  readonly keyClient: string;
  /** Another one, whose assertions are for the token endpoint. */
  readonly endpointKeyClient: string;
  readonly workload: Workload;
  /** The variables of all programs. */
  readonly env: Readonly<Record<string, string>>;
  /** The variables of a client that need not name {@link ORDERS}. */
  readonly ofDefaults: Readonly<Record<string, string>>;
  /** A zone in which no mandate lives longer than so many seconds, and the variables of its client. */
  shortLived(seconds: number): Promise<Readonly<Record<string, string>>>;
  readonly close: () => Promise<void>;
}

const policy = (annotation = '') => `@id("all") ${annotation}
permit (principal, action == Action::"TokenExchange", resource);
@id("approve payments") @step_up("approval")
forbid (principal, action == Action::"TokenExchange", resource == Resource::"${PAYMENTS}");`;

/** Makes a zone with everything that the page speaks of. */
export async function openWorkplace(): Promise<Workplace> {
  const recorder = await startRecorder((one) => approve(one, zone));
  const replica = await startReplica({ env: { ISSUER_URL: recorder.url } });
  recorder.forwardTo(replica.url);
  const directory = mkdtempSync(join(tmpdir(), 'mandate-workplace-'));
  const zone = await newZone(replica);
  const variablesOf = ({ zoneId, issuer, clientId, secret }: TestZone): Record<string, string> => ({
    MANDATE: recorder.url,
    ISSUER: issuer,
    ZONE: zoneId,
    CLIENT_ID: clientId,
    CLIENT_SECRET: secret,
  });
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), alg: 'ES256' };
  const { clientId: keyClient } = await zone.newClient({ jwks: { keys: [jwk] } });
  const { clientId: endpointKeyClient } = await zone.newClient({
    jwks: { keys: [jwk] },
    assertion_audience: 'token_endpoint',
  });
  const key = join(directory, 'client-key.pem');
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const workload = await newWorkload(zone, directory);

  const defaults = await zone.newClient({ default_resources: [ORDERS] });
  const orders = { resource: ORDERS, scope: 'orders:read' };
  const session = await tokenOf(() => zone.session(orders));
  const good = await mandateOf(zone, orders);
  const other = await newZone(replica);
  return {
    recorder,
    zone,
    good,
    goodTypJwt: await mandateOf(zone, { resource: INVOICES, scope: 'invoices:read' }),
    refused: {
      'a session mandate': session,
      'a mandate for another resource': await mandateOf(zone, {}),
      'a mandate of another zone': await mandateOf(other, orders),
      'a mandate that was changed': changed(good),
    },
    keyClient,
    endpointKeyClient,
    workload,
    env: {
      ...variablesOf(zone),
      CLIENT_KEY: key,
      CLIENT_JWK: JSON.stringify({ ...privateKey.export({ format: 'jwk' }), alg: 'ES256' }),
      USER_TOKEN: await userTokenOf(zone),
      // They are told in words what the others are told in code: that http is for this machine.
      OAUTHLIB_INSECURE_TRANSPORT: '1',
      AUTHLIB_INSECURE_TRANSPORT: '1',
      RESOURCE_METADATA: `${zone.issuer}/resources/${await resourceIdOf(zone, ORDERS)}/metadata`,
    },
    ofDefaults: { CLIENT_ID: defaults.clientId, CLIENT_SECRET: defaults.secret },
    async shortLived(seconds) {
      const short = await newZone(replica, policy(`@max_ttl("${seconds}")`));
      await short.admin('PATCH', '', { default_resources: [ORDERS] });
      return variablesOf(short);
    },
    close: async () => {
      await recorder.close();
      await replica.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

async function newZone(replica: Replica, content = policy()): Promise<TestZone> {
  const zone = await createTestZone(replica);
  await zone.admin('POST', '/resources', { identifier: ORDERS, scopes: ['orders:read'] });
  await zone.admin('POST', '/resources', { identifier: PAYMENTS, scopes: ['payments:send'] });
  await zone.admin('POST', '/resources', {
    identifier: INVOICES,
    scopes: ['invoices:read'],
    token_typ: 'JWT',
  });
  await zone.activate(content);
  return zone;
}

/** The id of a resource. */
async function resourceIdOf(zone: TestZone, identifier: string): Promise<string> {
  const { items } = await zone.admin('GET', '/resources');
  const found = (items as { id: string; identifier: string }[]).find(
    (one) => one.identifier === identifier,
  );
  return String(found?.id);
}

/** Approves of what is held, as an operator would while the client waits. */
async function approve({ body }: Recorded, zone: TestZone): Promise<void> {
  if (body['error'] !== 'interaction_required') return;
  const decision = { decision: 'approved', reason: 'I know this payment' };
  await zone.admin('POST', `/challenges/${String(body['challenge_id'])}/decision`, decision);
}

/** A client that needs no secret. */
export interface Workload {
  readonly clientId: string;
  /** The file that its platform writes its token to. */
  readonly tokenFile: string;
  /** One with the token of a workload that is no client. */
  readonly otherTokenFile: string;
}

async function newWorkload(zone: TestZone, directory: string): Promise<Workload> {
  const platform = await newWorkloadIssuer(zone);
  const subject = 'system:serviceaccount:shop:web';
  const { clientId } = await zone.newClient({
    federated_identities: [{ issuer: platform.name, subject }],
  });
  const { iss: aud } = decodeJwt(await mandateOf(zone, {}));
  const write = async (file: string, sub: string) => {
    writeFileSync(join(directory, file), await platform.token(sub, { aud }));
    return join(directory, file);
  };
  return {
    clientId,
    tokenFile: await write('token', subject),
    otherTokenFile: await write('other-token', 'system:serviceaccount:shop:other'),
  };
}

/** A token that an issuer which the zone trusts gave a user. */
async function userTokenOf(zone: TestZone): Promise<string> {
  const registration = { token_types: ['jwt'], audiences: ['https://shop.example'] };
  const issuer = await newWorkloadIssuer(zone, registration);
  return issuer.token('alice', { aud: 'https://shop.example' });
}

/** A resource mandate for a target of the zone's client. */
async function mandateOf(zone: TestZone, target: Parameters): Promise<string> {
  const subject = await tokenOf(() => zone.session(target));
  return tokenOf(() => zone.exchange({ ...target, subject_token: subject }));
}

async function tokenOf(ask: () => Promise<Answer>): Promise<string> {
  const { status, body } = await persistently(ask);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return String(body['access_token']);
}

/** The same token with another subject, and the signature that it had. */
function changed(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  const other = Buffer.from(JSON.stringify({ ...claims, sub: 'somebody' })).toString('base64url');
  return [header, other, signature].join('.');
}
