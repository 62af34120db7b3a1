import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childEnvironment, readEnv } from './read-env.js';
import { InvalidEnvironment } from './environment-problems.js';

const KEY = createHash('sha256').update('env.spec').digest();
const GIVEN = {
  DATABASE_URL: 'postgres://user:pass@db/mandate',
  KEY_ENCRYPTION_KEY: KEY.toString('hex'),
};

/** The problems with an environment, none if it is usable. */
function problemsOf(source: NodeJS.ProcessEnv): readonly string[] {
  try {
    readEnv(source);
    return [];
  } catch (error) {
    if (error instanceof InvalidEnvironment) return error.problems;
    throw error;
  }
}

describe('defaults', () => {
  test('are those of the contract', () => {
    expect(readEnv({})).toMatchObject({
      port: 8080,
      internalPort: undefined,
      issuerUrl: 'http://localhost:8080',
      databaseUrl: undefined,
      dataDir: resolve('.mandate'),
      custody: { provider: 'env', key: undefined, previousKey: undefined, signer: 'local' },
      adminTokens: [],
      gatewayHmacKeys: [],
      metricsTokens: [],
      logLevel: 'info',
      trustProxy: 0,
    });
  });

  test('take the place of what is empty', () => {
    expect(readEnv({ PORT: '', ISSUER_URL: '', DATABASE_URL: '', PORT_FILE: '' })).toEqual(
      readEnv({}),
    );
  });

  test('are not touched by variables that mean nothing here', () => {
    expect(readEnv({ port: '1', FOO: 'x', PORTS: '1' })).toEqual(readEnv({}));
  });
});

test('reads what is given', () => {
  expect(
    readEnv({
      ...GIVEN,
      PORT: '0',
      INTERNAL_PORT: '9090',
      ISSUER_URL: 'https://sts.example/tenant',
      DATA_DIR: '/var/lib/mandate',
      ADMIN_TOKEN: 'a'.repeat(16),
      METRICS_TOKEN: 'm'.repeat(16),
      LOG_LEVEL: 'debug',
      TRUST_PROXY: '2',
    }),
  ).toMatchObject({
    port: 0,
    internalPort: 9090,
    issuerUrl: 'https://sts.example/tenant',
    databaseUrl: GIVEN.DATABASE_URL,
    dataDir: '/var/lib/mandate',
    custody: { provider: 'env', key: KEY },
    adminTokens: ['a'.repeat(16)],
    metricsTokens: ['m'.repeat(16)],
    logLevel: 'debug',
    trustProxy: 2,
  });
});

test('a secret that is changed is two, with white space between them', () => {
  const drawn = (name: string) => createHash('sha256').update(name).digest('hex');
  const [one, other] = [drawn('one'), drawn('other')];
  const keys = (text: string) => {
    const { adminTokens, metricsTokens, gatewayHmacKeys } = readEnv({
      ...GIVEN,
      ADMIN_TOKEN: text,
      METRICS_TOKEN: text,
      GATEWAY_HMAC_KEY: text,
    });
    return [adminTokens, metricsTokens, gatewayHmacKeys.map((key) => key.toString('hex'))];
  };
  const both = [one, other];
  expect(keys(`${one}\n${other}`)).toEqual([both, both, both]);
  expect(keys(`${one} ${one}`)).toEqual([[one], [one], [one]]);
  for (const name of ['ADMIN_TOKEN', 'METRICS_TOKEN', 'GATEWAY_HMAC_KEY']) {
    expect(problemsOf({ ...GIVEN, [name]: `${one} ${other} ${drawn('third')}` })).toEqual([
      expect.stringContaining(`${name} must be`),
    ]);
  }
});

const bad: Readonly<Record<string, readonly string[]>> = {
  PORT: ['-1', '65536', '80.5', '1e3', 'http', ' 80', '0x50', '99999999999'],
  INTERNAL_PORT: ['-1', '65536', 'x'],
  ISSUER_URL: [
    'sts.example',
    'ftp://sts.example',
    'https://',
    'https://sts.example/',
    'https://sts.example/tenant/',
    'https://sts.example?x',
    'https://sts.example#x',
    'https://sts.example/a b',
  ],
  DATABASE_URL: ['mysql://db', 'db', 'http://postgres://'],
  ADMIN_TOKEN: ['short', 'x'.repeat(15), 'a key with spaces in it', 'ein-schlüssel-für-alle'],
  METRICS_TOKEN: ['short', 'a\tkey-with-a-tab-in-it'],
  LOG_LEVEL: ['loud', 'INFO'],
  TRUST_PROXY: ['-1', '11', 'true'],
  KEY_ENCRYPTION_KEY: ['x', '0'.repeat(64), 'ab'.repeat(32), 'A'.repeat(43)],
};
for (const [name, values] of Object.entries(bad)) {
  const isTold = !/KEY|TOKEN|DATABASE/.test(name);
  test.each(values)(`refuses ${name} %j by name, ${isTold ? 'with' : 'without'} it`, (value) => {
    const problems = problemsOf({ ...GIVEN, [name]: value });
    expect(problems).not.toEqual([]);
    for (const problem of problems) {
      expect(problem).toContain(name);
      if (isTold) expect(problem).toContain(JSON.stringify(value));
      else if (value.length > 5) expect(problem).not.toContain(value);
    }
  });
}

test('tells what was given in one line, and not all of what is long', () => {
  const [problem = ''] = problemsOf({ LOG_LEVEL: `loud\n\u001B[31m${'x'.repeat(5_000)}` });
  expect(problem).toMatch(/^LOG_LEVEL must be one of fatal, .*silent, and it is "loud\\n\\u001b/);
  expect(problem.length).toBeLessThan(200);
});

test('does not tell an issuer with credentials in it', () => {
  expect(problemsOf({ ISSUER_URL: 'ftp://user:canary@host' }).join()).not.toContain('canary');
});

describe('ports', () => {
  test('have to be two, if there are two', () => {
    const same = [expect.stringMatching(/^INTERNAL_PORT is 9000, as PORT is/)];
    expect(problemsOf({ PORT: '9000', INTERNAL_PORT: '9000' })).toEqual(same);
    expect(problemsOf({ PORT: '0', INTERNAL_PORT: '0' })).toEqual([]);
  });

  test('are where an installation is found that is alone with its database', () => {
    expect(readEnv({ PORT: '9000' }).issuerUrl).toBe('http://localhost:9000');
    expect(readEnv({ PORT: '0' }).issuerUrl).toBe('http://localhost:8080');
    expect(readEnv({ ...GIVEN, PORT: '9000' }).issuerUrl).toBe('http://localhost:8080');
    const ISSUER_URL = 'https://sts.example';
    expect(readEnv({ PORT: '9000', ISSUER_URL }).issuerUrl).toBe(ISSUER_URL);
  });
});

test('names all problems at once', () => {
  const problems = problemsOf({ PORT: 'x', LOG_LEVEL: 'x', ADMIN_TOKEN: 'x' });
  expect(new Set(problems.map((line) => /[A-Z_]{4,}/.exec(line)?.[0]))).toEqual(
    new Set(['PORT', 'LOG_LEVEL', 'ADMIN_TOKEN']),
  );
});

test('refuses a given database without the key that it is sealed with', () => {
  expect(problemsOf({ DATABASE_URL: GIVEN.DATABASE_URL })).toEqual([
    'KEY_ENCRYPTION_KEY is required when DATABASE_URL is set; make one with: openssl rand -base64 32',
  ]);
});

test.each(['postgres://canary:canary@host:port/x', 'postgres://canary:can/ary@host/x'])(
  'refuses the malformed %s in one sentence',
  (url) => {
    expect(problemsOf({ ...GIVEN, DATABASE_URL: url })).toEqual([
      'DATABASE_URL is malformed: it must be like postgres://user:password@host/name',
    ]);
  },
);

test.each<[Record<string, string>, string]>([
  [{ KEY_ENCRYPTION_KEY: '01'.repeat(32) }, 'KEY_ENCRYPTION_KEY is not random'],
  [
    { KEY_ENCRYPTION_KEY: GIVEN.KEY_ENCRYPTION_KEY, KEY_ENCRYPTION_KEY_FILE: '/dev/null' },
    'KEY_ENCRYPTION_KEY and KEY_ENCRYPTION_KEY_FILE are both set',
  ],
  [
    { KEY_ENCRYPTION_KEY_FILE: '/nowhere/at/all' },
    'KEY_ENCRYPTION_KEY_FILE names a file that does not exist or cannot be read',
  ],
  [
    { KEY_ENCRYPTION_KEY_FILE: '/tmp' },
    'KEY_ENCRYPTION_KEY_FILE names a file that does not exist or cannot be read',
  ],
])('refuses a key or a file that is no good, and says why: %j', (env, says) => {
  expect(problemsOf({ DATABASE_URL: GIVEN.DATABASE_URL, ...env })[0]).toContain(says);
});

describe('files', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'mandate-env-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  function file(content: string): string {
    const path = join(dir, 'value');
    writeFileSync(path, content);
    return path;
  }

  test('hold values, without the newline at their end', () => {
    const env = readEnv({
      DATABASE_URL: GIVEN.DATABASE_URL,
      KEY_ENCRYPTION_KEY_FILE: file(`${KEY.toString('base64')}\n`),
    });
    expect(env.custody.key).toEqual(KEY);
  });

  test('are checked like what is written into the environment', () => {
    expect(problemsOf({ LOG_LEVEL_FILE: file('x') })).toEqual([
      expect.stringContaining('LOG_LEVEL'),
    ]);
  });

  test('are refused beside the variable itself', () => {
    const problems = problemsOf({ ADMIN_TOKEN: 'a'.repeat(20), ADMIN_TOKEN_FILE: file('b') });
    expect(problems).toEqual(['ADMIN_TOKEN and ADMIN_TOKEN_FILE are both set']);
  });

  test('are refused if they are missing', () => {
    expect(problemsOf({ ADMIN_TOKEN_FILE: join(dir, 'missing') })).toEqual([
      expect.stringContaining('ADMIN_TOKEN_FILE'),
    ]);
  });
});

describe('who keeps keys', () => {
  const OTHER = createHash('sha256').update('another').digest();
  const VAULT = {
    VAULT_ADDR: 'https://vault.example:8200',
    VAULT_TOKEN_FILE: '/run/token',
    VAULT_TRANSIT_KEY: 'mandate',
  };
  const vault = {
    address: VAULT.VAULT_ADDR,
    tokenFile: VAULT.VAULT_TOKEN_FILE,
    mount: 'transit',
    key: 'mandate',
  };

  test('is this process, unless something else is said', () => {
    expect(readEnv(GIVEN).custody).toMatchObject({ provider: 'env', key: KEY, signer: 'local' });
  });

  test('may be a KMS, with or without keys that only open', () => {
    const alone = { DATABASE_URL: GIVEN.DATABASE_URL, KEY_ENCRYPTION_PROVIDER: 'vault', ...VAULT };
    expect(readEnv(alone).custody).toMatchObject({ provider: 'vault', key: undefined, vault });
    const both = { ...GIVEN, ...VAULT, KEY_ENCRYPTION_KEY_PREVIOUS: OTHER.toString('base64') };
    expect(readEnv(both).custody).toMatchObject({
      provider: 'env',
      key: KEY,
      previousKey: OTHER,
      vault,
    });
  });

  test('may be a signer', () => {
    const custody = { signer: 'socket', signerSocket: '/run/signer.sock' };
    const given = { ...GIVEN, SIGNER: 'socket', SIGNER_SOCKET: '/run/signer.sock' };
    expect(readEnv(given).custody).toMatchObject(custody);
  });

  test.each<[string, Record<string, string>, string]>([
    ['a key twice', { KEY_ENCRYPTION_KEY_PREVIOUS: GIVEN.KEY_ENCRYPTION_KEY }, 'same key'],
    ['a weak key', { KEY_ENCRYPTION_KEY_PREVIOUS: '01'.repeat(32) }, 'not random'],
    ['a KMS without anything', { KEY_ENCRYPTION_PROVIDER: 'vault' }, 'VAULT_ADDR is required'],
    ['half a KMS', { VAULT_ADDR: VAULT.VAULT_ADDR }, 'VAULT_TRANSIT_KEY is required'],
    ['an address with a path', { ...VAULT, VAULT_ADDR: 'https://vault/v1' }, 'VAULT_ADDR'],
    ['a key that climbs', { ...VAULT, VAULT_TRANSIT_KEY: '../sys' }, 'VAULT_TRANSIT_KEY'],
    ['a mount that climbs', { ...VAULT, VAULT_TRANSIT_MOUNT: 'a/../b' }, 'VAULT_TRANSIT_MOUNT'],
    ['a signer nowhere', { SIGNER: 'socket' }, 'SIGNER_SOCKET is required'],
    ['a relative socket', { SIGNER_SOCKET: 'signer.sock' }, 'SIGNER_SOCKET'],
  ])('refuses %s', (_, given, problem) => {
    expect(problemsOf({ ...GIVEN, ...given }).join('\n')).toContain(problem);
  });

  test('child processes do not get it', () => {
    const given = { ...GIVEN, ADMIN_TOKEN_FILE: '/x', PATH: '/bin', SOFTHSM2_CONF: '/c' };
    expect(childEnvironment(given)).toEqual({ PATH: '/bin', SOFTHSM2_CONF: '/c' });
  });
});

describe('WORKERS', () => {
  test('is a number of processes that there are requests in flight for, or is left to the machine', () => {
    expect(readEnv({ ...GIVEN }).workers).toBeUndefined();
    expect(readEnv({ ...GIVEN, WORKERS: '' }).workers).toBeUndefined();
    expect(readEnv({ ...GIVEN, WORKERS: '1' }).workers).toBe(1);
    expect(readEnv({ ...GIVEN, WORKERS: '128' }).workers).toBe(128);
    expect(readEnv({ WORKERS: '2', MAX_REQUESTS_IN_FLIGHT: '8' }).workers).toBe(2);
  });

  test.each(['0', '-1', '257', '99999999999', 'auto', '1.5', '1e1', ' 2', '2\0'])(
    'is refused as %j',
    (value) => {
      const problems = problemsOf({ ...GIVEN, WORKERS: value });
      expect(problems.length).toBeGreaterThan(0);
      for (const problem of problems) expect(problem).toMatch(/^WORKERS must /);
    },
  );

  test('is refused where a worker would have too few places', () => {
    expect(problemsOf({ ...GIVEN, WORKERS: '129' })).toEqual([
      'WORKERS must be at most a fourth of MAX_REQUESTS_IN_FLIGHT',
    ]);
    expect(problemsOf({ ...GIVEN, WORKERS: '3', MAX_REQUESTS_IN_FLIGHT: '8' })).toHaveLength(1);
  });
});

describe('STREAMS_HMAC_KEY', () => {
  const REDIS_URL = 'redis://localhost';

  test('is a key like that of gateways, in hex of either case', () => {
    const key = KEY.toString('hex');
    for (const text of [key, key.toUpperCase()]) {
      expect(readEnv({ ...GIVEN, REDIS_URL, STREAMS_HMAC_KEY: text }).streamsHmacKey).toEqual(KEY);
    }
    expect(readEnv(GIVEN).streamsHmacKey).toBeUndefined();
  });

  test.each([
    ['too short', KEY.toString('hex').slice(2), 'at least 32 bytes'],
    ['half a byte too long', `${KEY.toString('hex')}a`, 'at least 32 bytes'],
    ['base64', KEY.toString('base64'), 'at least 32 bytes'],
    ['a pattern', 'ab'.repeat(32), 'not random'],
  ])('is refused if it is %s, and is not told', (_what, text, problem) => {
    const problems = problemsOf({ ...GIVEN, REDIS_URL, STREAMS_HMAC_KEY: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('STREAMS_HMAC_KEY');
    expect(problems[0]).toContain(problem);
    expect(problems[0]).not.toContain(text);
  });

  test('is refused without the Redis that has the stream', () => {
    expect(problemsOf({ ...GIVEN, STREAMS_HMAC_KEY: KEY.toString('hex') })).toEqual([
      expect.stringContaining('REDIS_URL'),
    ]);
  });
});

describe('REDIS_URL', () => {
  test.each([
    'redis://localhost',
    'rediss://user:p%2Fw%23@redis.example:6380/2',
    'redis://:secret@[::1]:6379/',
  ])('may be %s', (REDIS_URL) => {
    expect(readEnv({ ...GIVEN, REDIS_URL }).redisUrl).toBe(REDIS_URL);
  });

  test.each([
    'redis://:hid/den@localhost:6379',
    'redis://:hid#den@localhost:6379',
    'redis://:hid%den@localhost:6379',
    'redis://:hidden@',
    'redis://:hidden@localhost:99999',
    'redis://:hidden@localhost/first',
    'http://:hidden@localhost',
  ])('is refused as %s, and is not told', (REDIS_URL) => {
    const problems = problemsOf({ ...GIVEN, REDIS_URL });
    expect(problems).toEqual([expect.stringContaining('REDIS_URL')]);
    expect(problems[0]).not.toMatch(/hid|den/);
  });
});

describe('DATABASE_POOL_SIZE', () => {
  test('is the sum of all connections, enough for the workers, or is left to their number', () => {
    expect(readEnv({ ...GIVEN }).connections).toBeUndefined();
    expect(readEnv({ ...GIVEN, DATABASE_POOL_SIZE: '' }).connections).toBeUndefined();
    expect(readEnv({ ...GIVEN, DATABASE_POOL_SIZE: '20' }).connections).toBe(20);
    expect(readEnv({ ...GIVEN, DATABASE_POOL_SIZE: '35', WORKERS: '2' }).connections).toBe(35);
  });

  test.each(['0', '19', '10001', '-20', '2e3', 'many', '27 ', '27\0'])(
    'is refused as %j',
    (value) => {
      const problems = problemsOf({ ...GIVEN, DATABASE_POOL_SIZE: value });
      expect(problems.length).toBeGreaterThan(0);
      for (const problem of problems) expect(problem).toMatch(/^DATABASE_POOL_SIZE must /);
    },
  );

  test('is refused where it is not enough for the workers', () => {
    expect(problemsOf({ ...GIVEN, DATABASE_POOL_SIZE: '34', WORKERS: '2' })).toEqual([
      'DATABASE_POOL_SIZE must be at least 35 for 2 WORKERS',
    ]);
    expect(problemsOf({ ...GIVEN, DATABASE_POOL_SIZE: '19', WORKERS: '2' })).toHaveLength(1);
  });
});

describe('DRAIN_SECONDS', () => {
  test('may be a minute, whatever STOP_SECONDS is', () => {
    const { drainSeconds, stopSeconds } = readEnv({
      ...GIVEN,
      DRAIN_SECONDS: '60',
      STOP_SECONDS: '2',
    });
    expect([drainSeconds, stopSeconds]).toEqual([60, 2]);
    expect(problemsOf({ ...GIVEN, DRAIN_SECONDS: '61' })).toHaveLength(1);
  });
});
