import { randomBytes, randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

const secret = () => `secret${randomBytes(12).toString('hex')}`;

/** The lines that a request left in the log, once there is one. */
async function logged(requestId: string): Promise<Record<string, unknown>[]> {
  const lines = () => replica.logs().filter((line) => line.includes(requestId));
  await expect.poll(lines, { timeout: 10_000 }).not.toEqual([]);
  return lines().map((line) => ({ ...(JSON.parse(line) as object) }));
}

test.each([
  ['GET', '/step-up/SECRET', 404, '/step-up/:id'],
  ['GET', '/step-up/SECRET/confirm', 404, '/step-up/:id/confirm'],
  ['GET', '/step-up/SECRET?wait=0&token=SECRET', 404, '/step-up/:id'],
  ['DELETE', '/step-up/SECRET', 405, 'none'],
  ['GET', '/SECRET/x?token=SECRET', 404, 'none'],
  ['GET', '/step-up/SECRET%zz', 400, 'none'],
  ['GET', '/step-up/%zzSECRET/confirm', 400, 'none'],
])(
  '%s %s is logged by its route, and none of its secrets is',
  async (method, path, status, route) => {
    const [value, requestId] = [secret(), randomUUID()];
    const answer = await fetch(`${replica.url}${path.replaceAll('SECRET', value)}`, {
      method,
      headers: { 'x-request-id': requestId },
    });
    expect(answer.status).toBe(status);
    const said = `${await answer.text()}${JSON.stringify([...answer.headers])}`;
    const lines = await logged(requestId);
    expect(lines).toMatchObject([{ msg: 'request', method, route, status }]);
    expect(`${said}${JSON.stringify(lines)}`).not.toContain(value);
  },
);
