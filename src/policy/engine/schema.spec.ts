import { describe, expect, test } from 'vitest';
import { withCedar } from './engine.js';
import { FULL_INPUT } from '../policy.fixture.js';
import { toCedarRequest } from './cedar-request.js';
import type { PolicyInput } from './input.js';
import { SCHEMA } from './schema.js';
import { MAX_EXTENSION_BYTES, InvalidSchema, zoneSchema } from './zone-schema.js';

/** Whether Cedar, asked to check a request against a schema, finds that it conforms. */
function conforms(asked: PolicyInput, extension?: string): boolean {
  const answer = withCedar((cedar) =>
    cedar.isAuthorized({
      ...toCedarRequest(asked),
      policies: { staticPolicies: {} },
      schema: zoneSchema(extension),
      validateRequest: true,
    }),
  );
  return answer.type === 'success';
}

function faults(extension: string) {
  try {
    zoneSchema(extension);
  } catch (error) {
    if (error instanceof InvalidSchema) return error.errors;
    throw error;
  }
  return [];
}

describe('the schema', () => {
  test('knows all that an input can have', () => {
    expect(conforms(FULL_INPUT)).toBe(true);
    expect(conforms({ ...FULL_INPUT, principal: { ...FULL_INPUT.principal, type: 'User' } })).toBe(
      true,
    );
  });

  test('knows a chain of ten actors', () => {
    const chain = (length: number): object =>
      length === 1 ? { sub: 'a' } : { sub: 'a', act: chain(length - 1) };
    const acting = (length: number) =>
      JSON.parse(
        JSON.stringify({
          ...FULL_INPUT,
          context: { ...FULL_INPUT.context, actor_claims: { act: chain(length) } },
        }),
      );
    expect([10, 11].map((length) => conforms(acting(length)))).toEqual([true, false]);
  });

  test('says of every type and attribute what it is', () => {
    const lines = SCHEMA.split('\n').map((line) => line.trim());
    const undocumented = lines.filter(
      (line, n) =>
        /^(?:entity|type|action) |^\w+\??: /.test(line) &&
        !/^(?:principal: |resource: |context: |type Actor\d)/.test(line) &&
        !lines[n - 1]?.startsWith('//'),
    );
    expect(undocumented).toEqual([]);
  });
});

describe('a zone', () => {
  const asked: PolicyInput = {
    ...FULL_INPUT,
    context: {
      ...FULL_INPUT.context,
      subject_claims: { department: { name: 'x' }, groups: ['a'] },
    },
  };

  test('adds what its issuers say', () => {
    const extension = `type Department = { name: String };
      type SubjectClaims = { department?: Department, groups?: Set<String> };`;
    expect([conforms(asked), conforms(asked, extension)]).toEqual([false, true]);
    expect(conforms(FULL_INPUT, extension)).toBe(true);
  });

  test('adds nothing by saying nothing', () => {
    expect(zoneSchema(' \n')).toEqual(zoneSchema());
  });

  test.each([
    ['does not parse', '\ntype SubjectClaims = { a?: };', { line: 2, column: 28 }],
    ['names an unknown type', 'type SubjectClaims = { a?: Colour };', { line: 1 }],
    ['requires a claim', 'type SubjectClaims = { a: String };', { help: /a\?/ }],
    ['redefines a claim', 'type SubjectClaims = { sub?: Long };', { message: /already/ }],
    ['redefines another type', 'type Actor1 = {};', { help: /SubjectClaims/ }],
    ['makes claims something else', 'type SubjectClaims = String;', { message: /record/ }],
    ['declares an entity', 'entity Group;', { message: /only types/ }],
    ['declares an action', 'action Other;', { message: /only types/ }],
    ['declares a namespace', 'namespace A { type B = {}; }', { message: /only types/ }],
    ['wants what JSON is not', 'type SubjectClaims = { a?: ipaddr };', { message: /ipaddr/ }],
    ['is too long', `// ${'x'.repeat(MAX_EXTENSION_BYTES)}`, { message: /larger/ }],
    ['is not Unicode', '// \ud800', { message: /Unicode/ }],
    [
      'nests too deep',
      `type A = ${'Set<'.repeat(100)}Long${'>'.repeat(100)};`,
      { message: /deep/ },
    ],
    ['nests by name', chained((next) => `Set<${next}>`, 400), { message: /levels/ }],
    [
      'grows by name',
      chained((next) => `{ a: ${next}, b: ${next}, c: ${next}, d: ${next} }`, 6),
      { message: /attributes/ },
    ],
    ['refers to itself', 'type A = { a: B }; type B = { a: A };', { message: /cycle/ }],
  ])('is refused what %s', (_, extension, { message, help, ...rest }: Expectation) => {
    expect(faults(extension)).toMatchObject([
      {
        policy: 'schema',
        ...rest,
        ...(message && { message: expect.stringMatching(message) }),
        ...(help && { help: expect.stringMatching(help) }),
      },
    ]);
  });
});

interface Expectation {
  line?: number;
  column?: number;
  message?: RegExp;
  help?: RegExp;
}

function chained(type: (next: string) => string, length: number): string {
  const types = Array.from({ length }, (_, n) => `type A${n}=${type(`A${n + 1}`)};`);
  return `${types.join('')}type A${length}={};`;
}
