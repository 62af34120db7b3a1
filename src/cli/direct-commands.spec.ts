import { describe, expect, test } from 'vitest';
import { captured } from './captured.fixture.js';

const ZONE = '0192f0c1-0000-7000-8000-00000000000a';
const run = (line: string) => captured(line.split(' ').filter((word) => word !== ''));

describe('a command line that asks no server', () => {
  test.each<[string, object]>([
    ['migrate', { name: 'migrate', distribute: false, json: false }],
    ['migrate --json', { name: 'migrate', distribute: false, json: true }],
    ['migrate --distribute', { name: 'migrate', distribute: true, json: false }],
    ['keys list', { name: 'list', zoneId: null, json: false }],
    [`keys list --zone ${ZONE} --json`, { name: 'list', zoneId: ZONE, json: true }],
    [`keys rotate --zone=${ZONE}`, { name: 'rotate', zoneId: ZONE, emergency: false }],
    ['keys rotate --all --emergency', { name: 'rotate', zoneId: null, emergency: true }],
    ['keys rewrap', { name: 'rewrap', all: false }],
    ['keys rewrap --all', { name: 'rewrap', all: true }],
    ['keys verify --json', { name: 'verify', json: true }],
    ['audit verify', { name: 'verify-audit', zoneId: null, bundle: null, json: false }],
    [
      'audit verify --bundle b --key k --key l --checkpoint c d',
      { name: 'verify-audit', bundle: 'b', keys: ['k', 'l'], checkpoints: ['c', 'd'] },
    ],
    [`audit verify --zone ${ZONE} --json`, { name: 'verify-audit', zoneId: ZONE, json: true }],
    [
      `audit bundle --zone ${ZONE} -o f --from 2026-11-01T00:00:00Z --checkpoint c`,
      { name: 'bundle-audit', zoneId: ZONE, output: 'f', to: null, checkpoints: ['c'] },
    ],
    [
      'receipt verify --receipt r --token t --jwks j --key k l --checkpoint c --json',
      { name: 'verify-receipt', receipt: 'r', token: 't', jwks: 'j', keys: ['k', 'l'], json: true },
    ],
    [
      'receipt verify --receipt r --key k',
      { name: 'verify-receipt', token: null, jwks: null, checkpoints: [] },
    ],
    [`authenticators renew --zone ${ZONE}`, { name: 'renew', zoneId: ZONE, json: false }],
    ['authenticators renew --all --json', { name: 'renew', zoneId: null, json: true }],
    ['signer --socket /s --keys /k', { name: 'signer', options: { keys: '/k', pkcs11: null } }],
    [
      'signer --socket /s --pkcs11-module /m --token t --pin-file /p',
      { options: { socket: '/s', keys: null, pkcs11: { module: '/m', token: 't', pin: '/p' } } },
    ],
    [
      `drill revocation --url https://m.example/ --zone ${ZONE}`,
      { name: 'drill', url: 'https://m.example', internalUrl: 'https://m.example', count: 20 },
    ],
    ['operators reopen-admin-token', { name: 'reopen-admin-token', json: false }],
    ['operators turn-off-two-person-rule --json', { name: 'turn-off-two-person-rule', json: true }],
    ['prune --plan', { name: 'prune', plan: true, json: false }],
  ])('%j', async (line, command) => {
    const { code, direct } = await run(line);
    expect(direct).toMatchObject([command]);
    expect(code).toBe(0);
  });

  test.each(['', 'help', '--help', 'keys rotate --help', 'help keys rotate'])(
    'help: %j',
    async (line) => {
      const { code, direct, out, err } = await run(line);
      expect([code, direct, err]).toEqual([0, [], '']);
      expect(out).toMatch(/^Usage: mandate /);
    },
  );

  test.each([
    'key list',
    'migrate now',
    'migrate --plan',
    'keys',
    'keys lists',
    'keys list extra',
    'keys list --zone',
    'keys list --zone x',
    'keys list --emergency',
    'keys rotate',
    'keys rotate --emergency',
    `keys rotate --all --zone ${ZONE}`,
    'keys verify --all',
    'audit verify now',
    'audit verify --zone x',
    'audit verify --bundle b',
    'audit bundle -o f',
    `audit bundle --zone ${ZONE}`,
    `audit bundle --zone ${ZONE} -o f --to yesterday`,
    `audit verify --bundle b --key k --zone ${ZONE}`,
    'receipt verify --receipt r',
    'receipt verify --key k',
    'receipt verify --receipt r --key k --jwks j',
    'authenticators',
    'authenticators renew',
    'authenticators renew --zone x',
    `authenticators renew --all --zone ${ZONE}`,
    'signer',
    'signer --socket /s',
    'signer --keys /k',
    'signer --socket /s --keys /k --token t',
    'signer --socket /s --pkcs11-module /m --token t',
    'signer --socket /s --keys /k --pkcs11-module /m --token t --pin-file /p',
    'drill',
    'drill revocation',
    'drill revocation --url x',
    'drill revocation --url https://m.example --count 0',
    'drill revocation --url https://m.example --count 10001',
  ])('that means nothing: %j', async (line) => {
    const { code, direct, out, err } = await run(line);
    expect([code, direct, out]).toEqual([2, [], '']);
    expect(err).not.toBe('');
  });
});
