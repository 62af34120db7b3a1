import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { applicationOf, type TestApplication } from './agents.js';
import { auditOf, sharedReplica, type Replica } from './harness.js';
import { persistently } from './patience.js';
import { createTestZone, type Answer, type TestZone } from './zone.js';

/** What SDKs of Caracal send with every request, beside the bearer: the headers of httpx. */
const HTTPX = {
  accept: '*/*',
  'accept-encoding': 'gzip, deflate',
  'user-agent': 'python-httpx/0.28.1',
};

/** Whose request it is, at which replica, and with which headers besides. */
export interface SendOptions {
  readonly by?: TestApplication;
  readonly at?: Replica;
  readonly headers?: object;
}

/** What applications with an SDK of Caracal ask the routes for agents of a zone. */
export interface Coordinator {
  /** Sends what an SDK was seen to send. `path` is that below the zone. */
  readonly send: (
    method: string,
    path: string,
    body?: object | string,
    options?: SendOptions,
  ) => Promise<Answer>;
  /** Opens an agent session. */
  readonly spawn: (body?: object, options?: SendOptions) => Promise<Answer>;
  /** Opens one that is expected to be opened, and returns its id. */
  readonly opened: (body?: object, options?: SendOptions) => Promise<string>;
  /** The types and outcomes of the audit events of a request. */
  readonly auditTypes: (answer: Answer) => Promise<unknown[][]>;
  /** An exchange as a gateway or an SDK makes it for an agent session that it names with its delegation. */
  readonly exchangeAs: (agent: string, edge?: string, by?: TestApplication) => Promise<Answer>;
}

/** The headers of caracalai-sdk 1.0.0. */
export function keyed(key: string = randomUUID().replaceAll('-', '')) {
  return {
    'idempotency-key': key,
    'idempotency-key-kind': 'generated',
    traceparent: '00-c9a9441f3dc272ad77f55f93efe6559c-687ca86e21ff80ea-01',
  };
}

/** The id of nothing. */
export const NO_ID = '00000000-0000-7000-8000-000000000000';

/** A zone whose applications have an SDK of Caracal, served by two replicas. */
export interface CoordinatedZone extends Coordinator {
  readonly replicas: readonly Replica[];
  readonly zone: TestZone;
  /** Who asks unless something else is said. */
  readonly app: TestApplication;
  readonly other: TestApplication;
}

/** Makes one. */
export async function newCoordinatedZone(): Promise<CoordinatedZone> {
  const [first, second] = [await sharedReplica(), await sharedReplica('second')];
  const zone = await createTestZone(first);
  const app = await applicationOf(zone, zone);
  const other = await applicationOf(zone);
  return { replicas: [first, second], zone, app, other, ...coordinatorOf(zone, app) };
}

/** @param app who asks unless something else is said */
function coordinatorOf(zone: TestZone, app: TestApplication): Coordinator {
  const send: Coordinator['send'] = (method, path, body, { by = app, at, headers = {} } = {}) =>
    persistently(() =>
      by.call(method, `/zones/${zone.zoneId}/${path}`, body, {
        headers: { ...HTTPX, ...headers },
        ...(at === undefined ? {} : { url: at.url }),
      }),
    );
  const spawn: Coordinator['spawn'] = (body = {}, options = {}) =>
    send('POST', 'agents', { application_id: (options.by ?? app).clientId, ...body }, options);
  return {
    send,
    spawn,
    async opened(body = {}, options = {}) {
      const answer = await spawn(body, options);
      expect([answer.status, answer.body]).toEqual([201, answer.body]);
      return String(answer.body['agent_session_id']);
    },
    auditTypes: async ({ requestId }) =>
      (await auditOf(zone.replica.databaseUrl, requestId)).map(({ outcome, event }) => [
        event['type'],
        outcome,
      ]),
    exchangeAs: (agent, edge, by = app) =>
      by.exchange({
        resource: zone.resource,
        agent_session_id: agent,
        ...(edge === undefined ? {} : { delegation_edge_id: edge }),
      }),
  };
}
