import { randomUUID } from 'node:crypto';
import type { Replica } from './harness.js';
import { persistently } from './patience.js';
import { callAdmin, type Answer } from './zone.js';

/** A named operator with a key. */
export interface TestOperator {
  readonly id: string;
  readonly name: string;
  readonly keyId: string;
  readonly key: string;
  /** Calls `/internal{path}` with its key. */
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>;
}

/** Calls an operators' route with some key, again while the server is busy. */
export function callWith(
  replica: Replica,
  key: string | null,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const authorization = key === null ? '' : `Bearer ${key}`;
  return persistently(() => callAdmin(replica, method, path, body, { authorization, ...headers }));
}

/** Makes an operator with one key. */
export async function newOperator(
  replica: Replica,
  of: { readonly role: string; readonly zones?: readonly string[]; readonly name?: string },
  keyOptions: object = {},
): Promise<TestOperator> {
  const name = of.name ?? `${of.role} ${randomUUID()}`;
  const must = async (path: string, body: object) => {
    const answer = await persistently(() => callAdmin(replica, 'POST', path, body));
    if (answer.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const id = String((await must('/operators', { ...of, name }))['id']);
  return having(replica, { id, name }, await must(`/operators/${id}/keys`, keyOptions));
}

/** The same operator with a key that it draws for itself, with the one that it has. */
export async function withOwnKey(
  replica: Replica,
  operator: TestOperator,
  keyOptions: object = {},
): Promise<TestOperator> {
  const made = await operator.call('POST', '/operators/me/keys', keyOptions);
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  return having(replica, operator, made.body);
}

function having(
  replica: Replica,
  { id, name }: Pick<TestOperator, 'id' | 'name'>,
  made: Readonly<Record<string, unknown>>,
): TestOperator {
  const key = String(made['key']);
  return {
    id,
    name,
    keyId: String(made['id']),
    key,
    call: (method, path, body, headers) => callWith(replica, key, method, path, body, headers),
  };
}
