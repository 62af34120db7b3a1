import { describe, expect, test } from 'vitest';
import { WrongZoneFile } from './problems.js';
import { readZoneFile } from './read-zone-file.js';

const read = (text: string) => readZoneFile('-', text);

async function problemsOf(text: string): Promise<readonly string[]> {
  try {
    await read(text);
  } catch (error) {
    if (error instanceof WrongZoneFile) return error.problems;
    throw error;
  }
  return [];
}

const HEAD = 'apiVersion: mandate/v1\nzone:\n  name: shop\n';

describe('a zone file', () => {
  test('has a document for each zone', async () => {
    const documents = await read(`${HEAD}---\n${HEAD.replace('shop', 'bank')}clients: []\n---\n`);
    expect(documents.map(({ zone }) => zone)).toEqual([{ name: 'shop' }, { name: 'bank' }]);
    expect(documents.map(({ sections }) => [...sections])).toEqual([[], [['clients', []]]]);
  });

  test('may be JSON', async () => {
    const json = JSON.stringify({
      apiVersion: 'mandate/v1',
      zone: { name: 'shop' },
      resources: [{ identifier: 'https://orders.example', scopes: ['orders:read'] }],
    });
    const [document] = await read(json);
    expect(document?.sections.get('resources')).toEqual([
      { identifier: 'https://orders.example', scopes: ['orders:read'] },
    ]);
  });

  test.each([
    ['', ['<stdin>: there is nothing in it']],
    ['[', [expect.stringMatching(/^<stdin>:1:2: /)]],
    ['zone: {name: a}', ['<stdin>:1:1: apiVersion: is missing']],
    [
      `${HEAD}resource: []`,
      ['<stdin>:4:1: resource: there is no such field; did you mean resources?'],
    ],
    [`${HEAD}  nam: x`, ['<stdin>:4:3: zone.nam: there is no such field; did you mean name?']],
    [`${HEAD}zone: {name: b}`, [expect.stringMatching(/^<stdin>:4:1: .*unique/i)]],
    [
      `${HEAD}  issuer_mode: shard`,
      ['<stdin>:4:16: zone.issuer_mode: must be one of zone, own, shared; did you mean shared?'],
    ],
    [`${HEAD}clients:\n  - name: a\n  - name: a\n`, ['<stdin>:6:11: clients[1]: a is there twice']],
    [`${HEAD}clients:\n  - name: 7\n`, ['<stdin>:5:11: clients[0].name: must be text']],
    [
      `${HEAD}clients:\n  - name: a\n    secret: { env: A, generat: true }\n`,
      ['<stdin>:6:23: clients[0].secret.generat: there is no such field; did you mean generate?'],
    ],
    [
      `${HEAD}clients:\n  - name: a\n    secret: hunter22\n`,
      ['<stdin>:6:13: clients[0].secret: must be a mapping'],
    ],
    [
      `${HEAD}policies:\n  - name: a\n    file: ./no-such.cedar\n`,
      ['<stdin>:5:5: ./no-such.cedar: cannot be read (ENOENT)'],
    ],
    [
      `${HEAD}clients:\n  - name: a\n    labels: !!binary aGk=\n`,
      [expect.stringMatching(/^<stdin>:6:/)],
    ],
    [
      `${HEAD}policy_set: { name: main }\n`,
      ['<stdin>:4:13: policy_set: which policies? Neither it nor the file lists any'],
    ],
    [
      `${HEAD}clients:\n  - name: a\n    jwks: { keys: [{ kty: EC, d: c2VjcmV0 }] }\n`,
      [
        '<stdin>:6:20: clients[0].jwks.keys[0]: must be a public key: a private or symmetric one is a secret, and known by now',
      ],
    ],
    [`${HEAD}---\n${HEAD}`, ['<stdin>:7:9: zone shop is there twice']],
    [`${HEAD}<<: *x\n`, ['<stdin>:4:5: there is no anchor x']],
    [`${HEAD}__proto__: {}\n`, ['<stdin>:4:1: __proto__: there is no such field']],
  ])('%j is refused with line and column', async (text, problems) => {
    expect(await problemsOf(text)).toEqual(problems);
  });

  test('says all that is wrong with it at once', async () => {
    expect(await problemsOf(`${HEAD}  a: 1\nclients:\n  - {}\n`)).toEqual([
      '<stdin>:4:3: zone.a: there is no such field',
      '<stdin>:6:5: clients[0].name: is missing',
    ]);
  });

  test('may use an anchor, and refuses a bomb of them', async () => {
    const shared = `${HEAD}clients:\n  - &one { name: a, labels: [x] }\n  - <<: 1`;
    expect(await problemsOf(shared)).toHaveLength(2);
    const labels = `${HEAD}clients:\n  - { name: a, labels: &l [x] }\n  - { name: b, labels: *l }\n`;
    const [document] = await read(labels);
    expect(document?.sections.get('clients')?.[1]).toEqual({ name: 'b', labels: ['x'] });
    const nested = Array.from({ length: 9 }, (_, n) => {
      const last = n === 0 ? 'x' : `*a${n - 1}`;
      return `a${n}: &a${n} [${Array.from({ length: 10 }, () => last).join(', ')}]`;
    });
    expect(await problemsOf(`${HEAD}${nested.join('\n')}\n`)).toEqual([
      expect.stringMatching(/^<stdin>:5:10: anchors are used/),
    ]);
    expect(await problemsOf(`${HEAD}clients: &c [*c]\n`)).toEqual([
      expect.stringMatching(/^<stdin>:4:/),
    ]);
  });
});
