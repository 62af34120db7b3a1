import { describe, expect, test } from 'vitest';
import { readCommand, WrongUsage } from './arguments.js';

const ZONE = '0192f0c1-0000-7000-8000-00000000000a';
const read = (line: string) => readCommand(line.split(' ').filter((word) => word !== ''));

describe('a command line', () => {
  test.each<[string, object]>([
    ['', { name: 'help' }],
    ['--help', { name: 'help' }],
    ['keys rotate --help', { name: 'help' }],
    ['migrate', { name: 'migrate', json: false }],
    ['migrate --json', { name: 'migrate', json: true }],
    ['keys list', { name: 'list', zoneId: null, json: false }],
    [`keys list --zone ${ZONE} --json`, { name: 'list', zoneId: ZONE, json: true }],
    [`keys rotate --zone=${ZONE}`, { name: 'rotate', zoneId: ZONE, emergency: false }],
    ['keys rotate --all --emergency', { name: 'rotate', zoneId: null, emergency: true }],
    ['keys rewrap', { name: 'rewrap', all: false }],
    ['keys rewrap --all', { name: 'rewrap', all: true }],
    ['keys verify --json', { name: 'verify', json: true }],
    [`authenticators renew --zone ${ZONE}`, { name: 'renew', zoneId: ZONE, json: false }],
    ['authenticators renew --all --json', { name: 'renew', zoneId: null, json: true }],
    ['signer --socket /s --keys /k', { name: 'signer', options: { keys: '/k', pkcs11: null } }],
    [
      'signer --socket /s --pkcs11-module /m --token t --pin-file /p',
      { options: { socket: '/s', keys: null, pkcs11: { module: '/m', token: 't', pin: '/p' } } },
    ],
  ])('%j', (line, command) => {
    expect(read(line)).toMatchObject(command);
  });

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
    'authenticators',
    'authenticators list',
    'authenticators renew',
    'authenticators renew --zone x',
    `authenticators renew --all --zone ${ZONE}`,
    'signer',
    'signer --socket /s',
    'signer --keys /k',
    'signer --socket /s --keys /k --token t',
    'signer --socket /s --pkcs11-module /m --token t',
    'signer --socket /s --keys /k --pkcs11-module /m --token t --pin-file /p',
  ])('that means nothing: %j', (line) => {
    expect(() => read(line)).toThrow(WrongUsage);
  });
});
