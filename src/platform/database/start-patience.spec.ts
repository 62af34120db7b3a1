import { expect, test } from 'vitest';
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
