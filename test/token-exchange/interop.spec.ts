import { createRemoteJWKSet, decodeJwt, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { beforeAll, describe, expect, test } from 'vitest';
import { settle } from '../setup/challenges.js';
import { type Replica, sharedReplica } from '../setup/harness.js';
import { ACCESS_TOKEN, createTestZone, TOKEN_EXCHANGE, type TestZone } from '../setup/zone.js';

/** What the libraries are told about the server, in place of a discovery document. */
interface Metadata {
  readonly issuer: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
  readonly [name: string]: string;
}

let replica: Replica;
let zone: TestZone;
let metadata: Metadata;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  metadata = {
    issuer: zone.issuer,
    token_endpoint: `${replica.url}/oauth/2/token`,
    jwks_uri: `${replica.url}/.well-known/jwks.json?zone_id=${zone.zoneId}`,
  };
});

const exchanged = (subject: string) => ({
  subject_token: subject,
  subject_token_type: ACCESS_TOKEN,
  resource: zone.resource,
  scope: 'a:read',
});

const self = () => ({ client_id: zone.clientId });

const target = () => ({ resource: zone.resource, scope: 'a:read' });

const verify = (token: string) =>
  jwtVerify(token, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
    issuer: metadata.issuer,
    audience: zone.resource,
    typ: 'at+jwt',
  });

describe.each([
  ['in the body', oauth.ClientSecretPost],
  ['by HTTP Basic', oauth.ClientSecretBasic],
] as const)('oauth4webapi, with the secret %s,', (how, method) => {
  const authentication = (secret = zone.secret) => method(secret);
  const options = { [oauth.allowInsecureRequests]: true };

  const session = async () => {
    const response = await oauth.clientCredentialsGrantRequest(
      metadata,
      self(),
      authentication(),
      { resource: zone.resource, scope: 'a:read' },
      options,
    );
    return oauth.processClientCredentialsResponse(metadata, self(), response);
  };

  test('gets a session mandate by client credentials', async () => {
    const result = await session();
    expect(result).toMatchObject({ token_type: 'bearer', expires_in: 900, scope: 'a:read' });
    expect(decodeJwt(result.access_token)).toMatchObject({ use: 'session', sub: zone.clientId });
  });

  test('exchanges it for a resource mandate', async () => {
    const response = await oauth.genericTokenEndpointRequest(
      metadata,
      self(),
      authentication(),
      TOKEN_EXCHANGE,
      exchanged((await session()).access_token),
      options,
    );
    const result = await oauth.processGenericTokenEndpointResponse(metadata, self(), response);
    expect(result['issued_token_type']).toBe(ACCESS_TOKEN);
    expect((await verify(result.access_token)).payload['use']).toBe('resource');
  });

  test('asks for several resources at once', async () => {
    const response = await oauth.clientCredentialsGrantRequest(
      metadata,
      self(),
      authentication(),
      [
        ['resource', zone.resource],
        ['resource', zone.otherResource],
        ['scope', 'shared'],
      ],
      options,
    );
    const result = await oauth.processClientCredentialsResponse(metadata, self(), response);
    expect(result['target_resources']).toEqual([zone.resource, zone.otherResource]);
  });

  test('understands a refusal', async () => {
    const response = await oauth.clientCredentialsGrantRequest(
      metadata,
      self(),
      authentication(),
      { resource: zone.resource, scope: 'a:admin' },
      options,
    );
    await expect(
      oauth.processClientCredentialsResponse(metadata, self(), response),
    ).rejects.toMatchObject({
      code: oauth.RESPONSE_BODY_ERROR,
      status: 400,
      error: 'invalid_scope',
      error_description: expect.any(String),
    });
  });

  test('understands that its secret is wrong', async () => {
    const response = await oauth.clientCredentialsGrantRequest(
      metadata,
      self(),
      authentication(`mds_${'x'.repeat(43)}`),
      { resource: zone.resource },
      options,
    );
    const failure = oauth.processClientCredentialsResponse(metadata, self(), response);
    if (how === 'by HTTP Basic') {
      await expect(failure).rejects.toMatchObject({
        code: oauth.WWW_AUTHENTICATE_CHALLENGE,
        status: 401,
        cause: [{ scheme: 'basic', parameters: { realm: 'mandate' } }],
      });
    } else {
      await expect(failure).rejects.toMatchObject({ status: 401, error: 'invalid_client' });
    }
  });
});

describe.each([
  ['in the body', client.ClientSecretPost],
  ['by HTTP Basic', client.ClientSecretBasic],
] as const)('openid-client, with the secret %s,', (_how, method) => {
  const configure = (secret = zone.secret) => {
    const config = new client.Configuration(metadata, zone.clientId, {}, method(secret));
    client.allowInsecureRequests(config);
    return config;
  };

  test('gets a session mandate, and exchanges it for a resource mandate', async () => {
    const config = configure();
    const session = await client.clientCredentialsGrant(config, target());
    expect(session.expiresIn()).toBeGreaterThan(890);
    const mandate = await client.genericGrantRequest(
      config,
      TOKEN_EXCHANGE,
      exchanged(session.access_token),
    );
    expect(mandate['issued_token_type']).toBe(ACCESS_TOKEN);
    const { payload } = await verify(mandate.access_token);
    expect(payload).toMatchObject({ sub: zone.clientId, scope: 'a:read', aud: zone.resource });
  });

  test('understands a refusal', async () => {
    const unknown = { ...target(), resource: 'resource://unknown' };
    await expect(client.clientCredentialsGrant(configure(), unknown)).rejects.toMatchObject({
      error: 'invalid_target',
      status: 400,
    });
    const mandate = String((await zone.exchange()).body['access_token']);
    await expect(
      client.genericGrantRequest(configure(), TOKEN_EXCHANGE, exchanged(mandate)),
    ).rejects.toMatchObject({ error: 'invalid_request', status: 400 });
    await zone.activate('@id("no") forbid (principal, action, resource);');
    await expect(client.clientCredentialsGrant(configure(), target())).rejects.toMatchObject({
      error: 'access_denied',
      status: 403,
    });
    await zone.activate('@id("all") permit (principal, action, resource);');
  });

  test('understands that its secret is wrong', async () => {
    const failure = client.clientCredentialsGrant(configure(`mds_${'x'.repeat(43)}`), target());
    await expect(failure).rejects.toMatchObject({ status: 401 });
  });
});

describe('a held request', () => {
  /** The client may go on when its user has confirmed: what a library shows is enough to wait, and to ask again. */
  const confirmed = async (shown: unknown, response: unknown) => {
    expect(shown).toEqual([
      {
        scheme: 'bearer',
        parameters: {
          error: 'interaction_required',
          error_description: 'the request has to be confirmed',
          challenge_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          acr_values: 'mfa',
        },
      },
    ]);
    const [{ parameters }] = shown as [{ parameters: Record<string, string> }];
    const body = (await (response as Response).json()) as Record<string, string>;
    expect(Object.values(parameters)).not.toContain(body['challenge_secret']);
    const id = String(parameters['challenge_id']);
    await settle(zone, id);
    return { challenge_id: id, challenge_response: String(body['challenge_secret']) };
  };
  const wanted = () => ({ ...target(), acr_values: 'mfa' });

  test('is understood by oauth4webapi, which asks again', async () => {
    const ask = (parameters: Record<string, string>) =>
      oauth.clientCredentialsGrantRequest(
        metadata,
        self(),
        oauth.ClientSecretPost(zone.secret),
        { ...wanted(), ...parameters },
        { [oauth.allowInsecureRequests]: true },
      );
    const process = async (response: Response) =>
      oauth.processClientCredentialsResponse(metadata, self(), response);
    const error = await process(await ask({})).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(oauth.WWWAuthenticateChallengeError);
    const { cause, response } = error as oauth.WWWAuthenticateChallengeError;
    const { access_token: token } = await process(await ask(await confirmed(cause, response)));
    expect(decodeJwt(token)).toMatchObject({ acr: 'mfa' });
  });

  test('is understood by openid-client, which asks again', async () => {
    const method = client.ClientSecretBasic(zone.secret);
    const config = new client.Configuration(metadata, zone.clientId, {}, method);
    client.allowInsecureRequests(config);
    const error = await client.clientCredentialsGrant(config, wanted()).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(client.WWWAuthenticateChallengeError);
    const { cause, response } = error as client.WWWAuthenticateChallengeError;
    const more = await confirmed(cause, response);
    const answer = await client.clientCredentialsGrant(config, { ...wanted(), ...more });
    expect(decodeJwt(answer.access_token)).toMatchObject({ acr: 'mfa' });
  });
});

describe.each(['ES256', 'PS256', 'Ed25519'] as const)('with a key for %s', (alg) => {
  const ask = async () => {
    const { privateKey, publicKey } = await generateKeyPair(alg);
    const jwk = { ...(await exportJWK(publicKey)), kid: alg };
    const { clientId } = await zone.newClient({ jwks: { keys: [jwk] } });
    return { clientId, key: { key: privateKey, kid: alg } };
  };

  test('oauth4webapi gets a session mandate', async () => {
    const { clientId, key } = await ask();
    const response = await oauth.clientCredentialsGrantRequest(
      metadata,
      { client_id: clientId },
      oauth.PrivateKeyJwt(key),
      target(),
      { [oauth.allowInsecureRequests]: true },
    );
    const result = await oauth.processClientCredentialsResponse(
      metadata,
      { client_id: clientId },
      response,
    );
    expect(decodeJwt(result.access_token)).toMatchObject({ use: 'session', sub: clientId });
  });

  test('openid-client gets one and exchanges it', async () => {
    const { clientId, key } = await ask();
    const config = new client.Configuration(metadata, clientId, {}, client.PrivateKeyJwt(key));
    client.allowInsecureRequests(config);
    const session = await client.clientCredentialsGrant(config, target());
    const mandate = await client.genericGrantRequest(
      config,
      TOKEN_EXCHANGE,
      exchanged(session.access_token),
    );
    const { payload } = await verify(mandate.access_token);
    expect(payload).toMatchObject({ sub: clientId, aud: zone.resource });
  });
});
