import { describe, expect, test } from 'vitest';
import { unavailable } from '../../oauth/errors.js';
import { StartPatience } from './start-patience.js';

const refused = () => Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });

/** An attempt that fails so often. */
function failing(errors: unknown[]) {
  return () => {
    const error = errors.shift();
    return error === undefined ? Promise.resolve('done') : Promise.reject(error);
  };
}

test('waits for a database that refuses connections, and says so once', async () => {
  const said: string[] = [];
  const patience = new StartPatience(60, (message) => said.push(message));
  expect(await patience.until(failing([refused(), refused()]))).toBe('done');
  expect(said).toEqual([expect.stringMatching(/the connection is refused/)]);
});

test('waits for nothing else, such as a KMS that refuses connections, and does not blame the database', async () => {
  const said: string[] = [];
  const patience = new StartPatience(60, (message) => said.push(message));
  const kms = unavailable('the key-encryption key is out of reach', refused());
  await expect(patience.until(failing([kms]))).rejects.toBe(kms);
  expect(said).toEqual([]);
});

test('says once more what is known later, and not each time that it is something else', () => {
  const said: string[] = [];
  const patience = new StartPatience(60, (message) => said.push(message));
  for (const more of ['', '', ', used by process 1', ', used by process 2', '']) {
    patience.tellOf(refused(), more);
  }
  expect(said).toEqual([
    expect.stringMatching(/yet: the connection is refused; waiting/),
    expect.stringMatching(/yet: the connection is refused, used by process 1; waiting/),
  ]);
});

describe('a host that is not known', () => {
  const unknown = (code: string) =>
    Object.assign(new Error(`getaddrinfo ${code} db`), { code, hostname: 'db' });

  test('ends a start at once if there is no such name', async () => {
    const said: string[] = [];
    const patience = new StartPatience(60, (message) => said.push(message));
    await expect(patience.until(failing([unknown('ENOTFOUND')]))).rejects.toMatchObject({
      message:
        'there is no host db that DATABASE_URL names; correct it, or start again when the name is known',
      passing: true,
    });
    expect(said).toEqual([]);
  });

  test('is waited for if nobody can be asked, or if it was there before', async () => {
    const said: string[] = [];
    const patience = new StartPatience(60, (message) => said.push(message));
    expect(await patience.until(failing([unknown('EAI_AGAIN')]))).toBe('done');
    expect(await patience.until(failing([unknown('ENOTFOUND')]))).toBe('done');
    expect(said).toEqual([
      expect.stringContaining('the name of its host is not known now'),
      expect.stringContaining('the name of its host is not known;'),
    ]);
  });
});

test('a right that is lacking ends a start at once, with the remedy', async () => {
  const patience = new StartPatience(60, () => {});
  const denied = Object.assign(new Error('permission denied for schema public'), { code: '42501' });
  await expect(patience.until(failing([denied]))).rejects.toMatchObject({
    message: expect.stringMatching(/permission denied for schema public; make it the owner/),
    passing: false,
  });
});

test.each([
  ['database "nowhere" does not exist', /is not there: .*; create it with createdb/],
  [
    'server login has been failing, cached error: FATAL: database "x" does not exist (server_login_retry)',
    /is not there/,
  ],
  ['no such database: nowhere', /is not there: .*; create it with createdb/],
  ['role "nobody" does not exist', /does not let DATABASE_URL in: .*; correct the user/],
  ['SASL authentication failed', /does not let DATABASE_URL in: .*; correct the user/],
  ['unsupported startup parameter: options', /options; take that out of DATABASE_URL$/],
])('what a pooler refuses ends a start at once, with the remedy: %s', async (words, message) => {
  const said: string[] = [];
  const patience = new StartPatience(60, (one) => said.push(one));
  const error = Object.assign(new Error(words), { code: '08P01' });
  await expect(patience.until(failing([error]))).rejects.toMatchObject({
    message: expect.stringMatching(message),
    passing: false,
  });
  expect(said).toEqual([]);
});
