import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { MEMBERS, readConfiguration, VARIABLES } from './configuration.js';
import { REQUIREMENTS, RFC_TITLES } from './requirements/requirements.js';

const PAGE = fileURLToPath(new URL('../../docs/conformance.md', import.meta.url));
const page = readFileSync(PAGE, 'utf8');

function printRequirements(): string {
  const numbers = [...new Set(REQUIREMENTS.map(({ rfc }) => rfc))];
  return numbers
    .map((number) => {
      const rows = REQUIREMENTS.filter(({ rfc }) => rfc === number).map(
        ({ section, level, text, id, needs }) =>
          `| ${section} | ${level} | ${text} | \`${id}\` | ${needs.map((need) => `\`${need}\``).join(', ')} |`,
      );
      return [
        `### RFC ${number}: ${RFC_TITLES[number] ?? ''}`,
        '',
        '| section | level | the server | id | needs |',
        '| --- | --- | --- | --- | --- |',
        ...rows,
        '',
      ].join('\n');
    })
    .join('\n');
}

test('docs/conformance.md shows the requirements as they are (vitest -u writes it)', async () => {
  const marked =
    /(<!-- requirements, printed by test\/conformance\/documentation.spec.ts -->\n).*(<!-- end -->)/s;
  expect(page).toMatch(marked);
  const printed = page.replace(
    marked,
    (_all, start, end) => `${start}\n${printRequirements()}\n${end}`,
  );
  const options = { ...(await resolveConfig(PAGE)), parser: 'markdown' };
  await expect(await format(printed, options)).toMatchFileSnapshot(PAGE);
});

test('docs/conformance.md has every setting, in order, with its variable', () => {
  const rows = [...page.matchAll(/^\| `([a-z_]+)` +\| (?:`([A-Z_]+)`[^|]*)? *\|/gm)].map(
    ([, setting = '', variable]) => [setting, variable],
  );
  const ofClient = { CLIENT_ID: 'client', CONFORMANCE_STRICT: 'strict' };
  const variables = Object.entries({ ...VARIABLES, ...ofClient });
  expect(rows).toEqual(
    [...MEMBERS].map((member) => [member, variables.find(([, of]) => of === member)?.[0]]),
  );
});

test('the settings of docs/conformance.md can be read', () => {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  const file = join(directory, 'settings.json');
  const [, text = ''] = /```json\n(.*?)```/s.exec(page) ?? [];
  writeFileSync(file, text);
  const { expected_failures: expected = {}, ...rest } = readConfiguration({
    CONFORMANCE_CONFIG: file,
    BASE: 'https://other.example',
    CLIENT_SECRET: 'other',
  });
  rmSync(directory, { recursive: true });
  expect(rest).toMatchObject({
    base: 'https://other.example',
    client: { client_id: 'web', client_secret: 'other' },
  });
  const ids: readonly string[] = REQUIREMENTS.map(({ id }) => id);
  expect(Object.keys(expected).filter((id) => !ids.includes(id))).toEqual([]);
});

test.each([
  [{}, /CLIENT_ID/],
  [{ BASE: 'https://sts.example' }, /CLIENT_ID/],
  [{ CLIENT_ID: 'web' }, /BASE/],
])('settings that are not enough are refused: %o', (env, message) => {
  expect(() => readConfiguration(env)).toThrow(message);
});

test.each([
  ['{"clients": {}}', /unknown clients/],
  ['[]', /JSON object/],
  [
    '{"base": "https://a", "client": {"client_id": "a"}, "expected_failures": {"rfc1-x": ""}}',
    /rfc1-x/,
  ],
])('a file that is not one of settings is refused: %s', (text, message) => {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  const file = join(directory, 'settings.json');
  writeFileSync(file, text);
  expect(() => readConfiguration({ CONFORMANCE_CONFIG: file })).toThrow(message);
  rmSync(directory, { recursive: true });
});
