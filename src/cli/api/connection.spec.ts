import { describe, expect, test } from 'vitest';
import type { ClientSettings } from '../../platform/config/client-settings.js';
import { connectionOf, type ConnectionOptions } from './connection.js';

const NONE: ClientSettings = { url: undefined, token: undefined, zone: undefined, here: null };
const HERE = { url: 'http://localhost:8080', from: '.mandate/url', token: 'local-token' };

const connect = (options: ConnectionOptions, settings: Partial<ClientSettings>, input = '') =>
  connectionOf(options, { ...NONE, ...settings }, () => Promise.resolve(input));

describe('the installation that is asked', () => {
  test('is the one of the command line, of the environment, or the one that is here', async () => {
    const settings = { url: 'https://env.example/', token: 'given', here: HERE };
    const by = (options: ConnectionOptions) => connect(options, settings);
    expect(await by({ server: 'https://m.example/internal' })).toEqual({
      url: 'https://m.example',
      from: '--server',
      token: 'given',
    });
    expect(await by({})).toMatchObject({ url: 'https://env.example', from: 'MANDATE_URL' });
    expect(await connect({}, { here: HERE })).toEqual(HERE);
    await expect(connect({}, {})).rejects.toMatchObject({ code: 3 });
  });

  test('gets the token of the one that is here only if it is that one', async () => {
    expect(await connect({ server: HERE.url }, { here: HERE })).toMatchObject({
      token: HERE.token,
    });
    for (const server of [
      'https://other.example',
      'http://localhost:8081',
      'https://localhost:8080',
    ]) {
      await expect(connect({ server }, { here: HERE })).rejects.toMatchObject({ code: 3 });
    }
  });

  test('gets a token from a file or the standard input, and none that is empty or two lines', async () => {
    const from = (input: string) => connect({ tokenFile: '-' }, { here: HERE }, input);
    expect(await from('secret\n')).toMatchObject({ token: 'secret' });
    await expect(from('\n')).rejects.toMatchObject({ code: 2 });
    await expect(from('one\ntwo')).rejects.toMatchObject({ code: 3 });
    await expect(connect({ tokenFile: '/nowhere' }, { here: HERE })).rejects.toThrow('/nowhere');
  });

  test.each([
    'localhost:8080',
    'ftp://m.example',
    'https://m.example?x',
    'https://me:pw@m.example',
  ])('is named by a URL without credentials: not %s', async (server) => {
    const failed = connect({ server }, { token: 'x' });
    await expect(failed).rejects.toMatchObject({ code: 2 });
    await expect(failed).rejects.not.toThrow('pw');
  });
});
