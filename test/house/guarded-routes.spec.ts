import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { borrowReplica, type Replica } from '../setup/harness.js';
import { createTestZone } from '../setup/zone.js';

const NO_ID = '00000000-0000-7000-8000-000000000000';
const JSON_TYPE = { 'content-type': 'application/json' };

/** What is wrong with a body before anything in it is looked at, and what that is answered with. */
const BODIES = [
  ['no JSON', '{', JSON_TYPE, 400],
  ['no object', '[]', JSON_TYPE, 400],
  ['a member of every object', '{"a":{"constructor":1}}', JSON_TYPE, 400],
  ['of another type', 'x', { 'content-type': 'text/plain' }, 415],
  ['encoded', '{}', { ...JSON_TYPE, 'content-encoding': 'gzip' }, 415],
  ['too large', `{"name":"${'x'.repeat(1_100_000)}"}`, JSON_TYPE, 413],
] as const;

/** Routes with one guard, and what is no route beside them. */
interface Guarded {
  /** Routes, of which some take a body. */
  readonly routes: readonly (readonly [method: string, path: string])[];
  /** Unknown below the same paths: what the router answers to those who may ask. */
  readonly others: readonly (readonly [method: string, path: string, status: number])[];
  /** What a stranger is told. */
  readonly refusal: string;
  /** Headers that let a request with this body in. */
  readonly admitted: (body: string) => Record<string, string>;
  /** What comes close to that. */
  readonly wrong: Readonly<Record<string, string>>;
}

let replica: Replica;
let mandate: string;
let system: Record<string, unknown>;

beforeAll(async () => {
  replica = await borrowReplica();
  const zone = await createTestZone(replica);
  mandate = await (await applicationOf(zone)).bearer();
  system = await zone.admin('POST', '/proof-systems', { name: 'bank' });
});

afterAll(async () => {
  await replica?.stop();
});

function signed(body: string): Record<string, string> {
  const id = `msg_${randomUUID()}`;
  const at = new Date();
  return {
    'mandate-proof-system': String(system['id']),
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(String(system['secret'])).sign(id, at, body),
  };
}

const GUARDED: Readonly<Record<string, Guarded>> = {
  operators: {
    routes: [
      ['POST', '/internal/zones'],
      ['DELETE', `/internal/zones/${NO_ID}`],
      ['POST', `/internal/zones/${NO_ID}/signing-key/rotate`],
      ['POST', '/internal/policy/simulate'],
      ['POST', '/internal/decisions/x/replay'],
    ],
    others: [
      ['POST', '/internal', 404],
      ['POST', '/internal/nothing', 404],
      ['POST', '/internal/policy/nothing', 404],
      ['PUT', '/internal/zones', 405],
      ['DELETE', '/internal/zones/%zz', 400],
    ],
    refusal: 'a valid admin key is required',
    admitted: () => ({ authorization: `Bearer ${replica.adminToken}` }),
    wrong: { authorization: 'Bearer another' },
  },
  applications: {
    routes: [
      ['POST', '/agent-sessions'],
      ['DELETE', `/agent-sessions/${NO_ID}`],
      ['POST', `/agent-sessions/${NO_ID}/heartbeat`],
      ['POST', '/delegations'],
      ['POST', `/delegations/${NO_ID}/accept`],
      ['POST', `/zones/${NO_ID}/agents`],
      ['DELETE', `/zones/${NO_ID}/agents/${NO_ID}`],
      ['PATCH', `/zones/${NO_ID}/delegations/${NO_ID}/revoke`],
    ],
    others: [
      ['PUT', '/agent-sessions', 405],
      ['POST', '/agent-sessions/a/b/c', 404],
      ['DELETE', '/agent-sessions/%zz', 400],
      ['PATCH', `/delegations/${NO_ID}`, 405],
      ['DELETE', '/delegations/a/b', 404],
      ['PUT', `/zones/${NO_ID}/agents`, 405],
      ['POST', `/zones/${NO_ID}/agents/a/b/c`, 404],
      ['DELETE', `/zones/${NO_ID}/delegations/%zz`, 400],
      ['POST', `/zones/${NO_ID}/delegations/${NO_ID}/revoke`, 405],
    ],
    refusal: 'the bearer is not a usable session mandate',
    admitted: () => ({ authorization: `Bearer ${mandate}` }),
    wrong: { authorization: 'Bearer another' },
  },
  approvers: {
    routes: [['POST', `/step-up/${NO_ID}/decision`]],
    others: [
      ['PUT', `/step-up/${NO_ID}/decision`, 405],
      ['POST', `/step-up/${NO_ID}/request`, 405],
      ['POST', `/step-up/${NO_ID}/request/more`, 404],
    ],
    refusal: 'the bearer is not a usable session mandate',
    admitted: () => ({ authorization: `Bearer ${mandate}` }),
    wrong: { authorization: 'Bearer another' },
  },
  'proof systems': {
    routes: [['POST', `/step-up/${NO_ID}/callback`]],
    others: [
      ['PUT', `/step-up/${NO_ID}/callback`, 405],
      ['POST', `/step-up/${NO_ID}/callback/more`, 404],
    ],
    refusal: 'the request is not signed by a proof system',
    admitted: signed,
    wrong: { 'mandate-proof-system': NO_ID },
  },
};

async function ask(method: string, path: string, headers: Record<string, string>, body?: string) {
  const response = await fetch(`${replica.url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const answer: { error_description?: string } = text === '' ? {} : JSON.parse(text);
  return { status: response.status, description: answer.error_description };
}

describe.each(Object.entries(GUARDED))('what %s may ask', (name, guarded) => {
  const { routes, others, refusal, admitted, wrong } = guarded;
  // Of a method that a route does not have, everybody is told so.
  const misses = others.filter(([, , status]) => status === 405);
  const unknown = others.filter(([, , status]) => status !== 405);
  const all = [...routes, ...unknown.map(([method, path]) => [method, path] as const)];
  // The signature of a proof system is over the body, so that is read before the signature is checked.
  const unread =
    name === 'proof systems' ? BODIES.filter(([, , , status]) => status === 400) : BODIES;

  test.each(all)(
    '%s %s tells strangers nothing, and reads nothing of theirs',
    async (method, path) => {
      expect(await ask(method, path, wrong)).toEqual({ status: 401, description: refusal });
      for (const [, body, headers] of unread) {
        const answer = await ask(method, path, { ...headers, ...wrong }, body);
        expect(answer).toEqual({ status: 401, description: refusal });
      }
    },
  );

  test.each(BODIES)(
    'takes no body that is %s, needed or not',
    async (_name, body, headers, status) => {
      for (const [method, path] of all) {
        const answer = await ask(method, path, { ...headers, ...admitted(body) }, body);
        expect([method, path, answer.status]).toEqual([method, path, status]);
      }
    },
  );

  test.each(misses)('%s %s is told to be no method before anything else', async (method, path) => {
    const text = { 'content-type': 'text/plain' };
    for (const headers of [{}, wrong, { ...wrong, ...text }, admitted('{'), admitted('')]) {
      const answer = await ask(method, path, headers, 'content-type' in headers ? 'x' : undefined);
      expect(answer).toEqual({ status: 405, description: 'this method is not allowed here' });
    }
  });

  test.each(others)('has no %s %s: %i', async (method, path, status) => {
    expect((await ask(method, path, admitted(''))).status).toBe(status);
    expect((await ask(method, path, { ...JSON_TYPE, ...admitted('{}') }, '{}')).status).toBe(
      status,
    );
  });
});
