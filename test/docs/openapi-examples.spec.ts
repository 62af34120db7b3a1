import { beforeAll, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { OpenApiCheck, operationsOf, type OpenApiDocument } from '../setup/openapi-check.js';
import { callAdmin, createTestZone } from '../setup/zone.js';

/** What nearly everybody does first, and so has an example of what is sent and of what is answered. */
const SHOWN = [
  'token_exchange',
  'token_exchange_in_zone',
  'zones_create',
  'resources_create',
  'clients_create',
  'policies_create',
  'policy_sets_create',
  'challenges_decide',
  'operators_create',
];

let replica: Replica;
let document: OpenApiDocument;

beforeAll(async () => {
  replica = await sharedReplica();
  document = JSON.parse(await (await fetch(`${replica.url}/docs-json`)).text());
});

/** Every example of the document, and what it is one of. */
function examples() {
  const inSchemas = Object.entries(document.components.schemas).flatMap(([name, schema]) =>
    // An example of an object is curated; those of a member stand beside its type.
    (Array.isArray(schema['examples']) && schema['type'] === 'object'
      ? schema['examples']
      : []
    ).map((value: unknown) => ({ at: name, schema, value })),
  );
  const inPlace = operationsOf(document).flatMap(({ operation }) => {
    const { operationId: id, requestBody, responses } = operation;
    const contents = [
      ...Object.values(requestBody?.content ?? {}).map((content) => ({
        at: `${id} body`,
        content,
      })),
      ...Object.entries(responses).flatMap(([status, { content = {} }]) =>
        Object.values(content).map((one) => ({ at: `${id} ${status}`, content: one })),
      ),
    ];
    return contents.flatMap(({ at, content: { schema, examples: named = {} } }) =>
      Object.entries(named).map(([name, { value }]) => ({ at: `${at}, ${name}`, schema, value })),
    );
  });
  return [...inSchemas, ...inPlace];
}

test('has examples of what nearly everybody does first, and of refusals', () => {
  const shown = examples().map(({ at }) => at);
  for (const id of SHOWN) {
    expect([id, shown.some((at) => at.startsWith(`${id} body`))]).toEqual([id, true]);
    expect([id, shown.some((at) => at.startsWith(`${id} 20`))]).toEqual([id, true]);
  }
  expect(shown).toEqual(
    expect.arrayContaining(['Error', 'Problem', 'policies_create 422, answer']),
  );
});

test('has no example that its schema does not allow', () => {
  const check = new OpenApiCheck(document);
  const wrong = examples().flatMap(({ at, schema, value }) =>
    check.problemsWithExample(at, schema, value),
  );
  expect(wrong).toEqual([]);
  // Nothing would be wrong either if nothing was looked at.
  expect(
    check.problemsWithExample('zone', { $ref: '#/components/schemas/ZoneBody' }, { nam: 'shop' }),
  ).toHaveLength(2);
});

test('has bodies that are carried out as they are', async () => {
  const zone = await createTestZone(replica);
  const carriedOut: string[] = [];
  for (const { method, path, operation } of operationsOf(document)) {
    const { operationId: id, requestBody } = operation;
    if (!/^\/internal\/zones\/\{zone\}\/[\w-]+$/.test(path) || method !== 'POST') continue;
    const at = path.replace('{zone}', zone.zoneId).replace('/internal', '');
    for (const { value } of Object.values(
      requestBody?.content['application/json']?.examples ?? {},
    )) {
      // oxlint-disable-next-line no-await-in-loop
      const { status, body } = await callAdmin(replica, method, at, value);
      expect([id, status, body]).toEqual([id, 201, expect.anything()]);
      carriedOut.push(id);
    }
  }
  expect(carriedOut).toEqual(
    expect.arrayContaining(['resources_create', 'clients_create', 'policies_create']),
  );
});
