import type { JsonObject, JsonValue } from '../../oauth/strict-json.js';
import type { ApiClient } from '../api/api-client.js';
import { isObject, listOf, objectOf, textOf } from '../api/json.js';

/** How the API of operators is asked. */
export type Api = Pick<ApiClient, 'request'>;

type Method = Parameters<Api['request']>[0];

/** What is said in a request beside what it is about. */
export interface Said {
  readonly body?: JsonValue;
  /** The entity tag that what is to be changed must have; `null`: whatever it has. */
  readonly ifMatch?: string | null;
}

/**
 * Asks for something that is needed to go on.
 *
 * @param path below `/internal`
 * @throws {Refusal} if it is refused
 * @throws {CommandFailure} if there is no answer
 */
export async function ask(
  api: Api,
  method: Method,
  path: string,
  { body, ifMatch }: Said = {},
): Promise<{ readonly body: JsonObject; readonly etag: string | null }> {
  const answer = await api.request(method, path, {
    ...(body === undefined ? {} : { body }),
    ...(ifMatch === undefined || ifMatch === null ? {} : { ifMatch }),
  });
  return { body: objectOf(answer.body), etag: answer.etag };
}

/** Reads a list to its end. @param query filters by exact value */
export async function readAll(
  api: Api,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<JsonObject[]> {
  const all: JsonObject[] = [];
  let after: string | undefined;
  do {
    const answer = await api.request('GET', path, { query: { ...query, limit: '500', after } });
    const page = objectOf(answer.body);
    all.push(...listOf(page['items']).filter((item) => isObject(item)));
    after = textOf(page, 'next') || undefined;
  } while (after !== undefined);
  return all;
}

/** Reads a list that comes whole. */
export async function readList(api: Api, path: string): Promise<JsonObject[]> {
  const { body } = await ask(api, 'GET', path);
  return listOf(body['items']).filter((item) => isObject(item));
}
