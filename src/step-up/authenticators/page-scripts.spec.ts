import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { programFolder } from '../../platform/config/manifest.js';

type Listener = (event: object) => unknown;

/** Runs a script of the pages in a browser that has no more than it needs. */
function run(script: string, browser: object): void {
  runInNewContext(readFileSync(join(programFolder(), 'assets', script), 'utf8'), browser);
}

/** What the page of recovery codes says after each button, where there is a clipboard and where there is none. */
async function keepCodes(dataset: Readonly<Record<string, string>>) {
  const said: string[] = [];
  const status = {
    set textContent(text: unknown) {
      said.push(String(text));
    },
  };
  const link = { download: '', click: () => {} };
  const copies: (() => Promise<void>)[] = [
    () => Promise.resolve(),
    () => Promise.reject(new Error('there is none')),
  ];
  const listeners: Listener[] = [];
  const buttons = {
    addEventListener: (_type: string, listener: Listener) => listeners.push(listener),
  };
  const section = {
    dataset,
    querySelector: (selector: string) => (selector === '.buttons' ? buttons : status),
    querySelectorAll: () => [{ textContent: 'abcd-efgh' }],
  };
  run('codes.js', {
    document: { querySelector: () => section, createElement: () => link },
    navigator: { clipboard: { writeText: () => copies.shift()?.() } },
    URL: { createObjectURL: () => 'blob:x', revokeObjectURL: () => {} },
    Blob,
  });
  for (const button of ['save', 'copy', 'copy'])
    // oxlint-disable-next-line no-await-in-loop
    for (const listener of listeners) await listener({ target: { dataset: { do: button } } });
  return { file: link.download, said };
}

/** What the page of a passkey says where none was used. */
async function refusePasskey(dataset: Readonly<Record<string, string>>) {
  const problem = { textContent: '', hidden: true };
  const listeners: Listener[] = [];
  const form = {
    dataset: { passkey: 'get', ...dataset },
    querySelector: (selector: string) => (selector === '.problem' ? problem : { value: '' }),
    querySelectorAll: () => [],
    addEventListener: (_type: string, listener: Listener) => listeners.push(listener),
  };
  run('passkey.js', {
    SimpleWebAuthnBrowser: {
      browserSupportsWebAuthn: () => true,
      startAuthentication: () => Promise.reject(new Error('no passkey was used')),
    },
    document: { querySelectorAll: () => [form] },
  });
  for (const listener of listeners) listener({ preventDefault: () => {}, submitter: null });
  await expect.poll(() => problem.hidden).toBe(false);
  return problem.textContent;
}

/** Whose a new passkey is, as the authenticator is told. */
async function makePasskey(dataset: Readonly<Record<string, string>>) {
  const listeners: Listener[] = [];
  const asked: { readonly optionsJSON: { readonly rp: object } }[] = [];
  const form = {
    dataset: {
      passkey: 'create',
      nonce: 'n',
      rp: 'sts.example',
      user: 'u',
      name: 'alice',
      ...dataset,
    },
    querySelector: () => ({ value: '' }),
    querySelectorAll: () => [],
    addEventListener: (_type: string, listener: Listener) => listeners.push(listener),
    requestSubmit: () => {},
  };
  run('passkey.js', {
    SimpleWebAuthnBrowser: {
      browserSupportsWebAuthn: () => true,
      startRegistration: (options: (typeof asked)[number]) => {
        asked.push(options);
        return Promise.resolve({});
      },
    },
    document: { querySelectorAll: () => [form] },
  });
  for (const listener of listeners) listener({ preventDefault: () => {}, submitter: null });
  await expect.poll(() => asked.length).toBe(1);
  return { ...asked[0]?.optionsJSON.rp };
}

test('a new passkey is of the organisation that its page names', async () => {
  const id = 'sts.example';
  expect(await makePasskey({ rpName: 'Pied Piper' })).toEqual({ id, name: 'Pied Piper' });
  expect(await makePasskey({})).toEqual({ id, name: 'Mandate' });
});

test('scripts say what their page says', async () => {
  const dataset = { file: 'f.txt', saved: 's', copied: 'c', notCopied: 'n' };
  expect(await keepCodes(dataset)).toEqual({ file: 'f.txt', said: ['s', 'c', 'n'] });
  expect(await refusePasskey({ notUsed: 'u' })).toBe('u');
});

test('scripts say it in English where a page of the version before says nothing', async () => {
  expect(await keepCodes({})).toEqual({
    file: 'recovery-codes.txt',
    said: [
      'The file is recovery-codes.txt.',
      'The codes are in the clipboard.',
      'The codes could not be copied. Write them down.',
    ],
  });
  expect(await refusePasskey({})).toBe('No passkey was used. You can try again.');
});
