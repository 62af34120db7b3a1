import {
  ACCESS_TOKEN,
  postForm,
  TOKEN_EXCHANGE,
  type Answer,
  type Parameters,
  type TestZone,
} from './zone.js';

/** A client with its secret. */
export interface TestClient {
  readonly clientId: string;
  readonly secret: string;
}

/** A service that is a resource, and may ask on behalf of those who call it. */
export interface Service extends TestClient {
  readonly resource: string;
}

/** Registers a service: a client, and the resource that it owns. */
export async function newService(
  zone: TestZone,
  resource: string,
  scopes: readonly string[],
): Promise<Service> {
  const client = await zone.newClient();
  await zone.admin('POST', '/resources', {
    identifier: resource,
    scopes,
    owner_client_id: client.clientId,
  });
  return { ...client, resource };
}

/** A client exchanges a mandate, by its secret; parameters say for what. */
export function exchangeAs(
  { clientId, secret }: TestClient,
  url: string,
  subject_token: string | undefined,
  parameters: Parameters,
): Promise<Answer> {
  return postForm(url, {
    grant_type: TOKEN_EXCHANGE,
    client_id: clientId,
    client_secret: secret,
    subject_token,
    subject_token_type: ACCESS_TOKEN,
    ...parameters,
  });
}
