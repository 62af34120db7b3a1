import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientsIn, withIds, withNames, withNamesOnly } from './cedar-names.js';

const BILLING = '0192f0c1-0000-7000-8000-00000000000a';
const ODD = '0192f0c1-0000-7000-8000-00000000000b';
const names = {
  zone: { id: '0192f0c1-0000-7000-8000-000000000001', issuer: 'https://sts.example/zones/1' },
  clients: new Map([
    ['billing', BILLING],
    ['odd "name" \\ }', ODD],
  ]),
};

test('names clients, the zone and its issuer in strings, and not in comments', () => {
  const text = `// not "${BILLING}" here
permit (principal == Application::"${BILLING}", action, resource)
when { context.actor_claims.client_id == "${ODD}" && principal.zone_id == "${names.zone.id}"
  && context.subject_claims.iss == "${names.zone.issuer}" && "x${BILLING}" != "\\"//" };`;
  const named = withNames(text, names);
  expect(named).toBe(`// not "${BILLING}" here
permit (principal == Application::"\${client:billing}", action, resource)
when { context.actor_claims.client_id == "\${client:odd \\"name\\" \\\\ }}" && principal.zone_id == "\${zone}"
  && context.subject_claims.iss == "\${issuer}" && "x${BILLING}" != "\\"//" };`);
  expect(withIds(named, names)).toEqual({ text, unknown: [] });
});

test('says which client there is not, and in which line', () => {
  const text = 'permit (\n  principal == Application::"${client:biling}", action, resource);';
  expect(withIds(text, names).unknown).toEqual([{ name: 'biling', line: 2 }]);
  expect(clientsIn(text)).toEqual([{ name: 'biling', line: 2 }]);
});

test('knows an id in a file by its name, and leaves names', () => {
  expect(withNamesOnly(`"${BILLING}" "\${client:other}"`, names)).toBe(
    '"${client:billing}" "${client:other}"',
  );
});

test('any text comes back as it went, or as one that means the same', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      `"${BILLING}"`,
      `"${ODD}"`,
      '"${client:billing}"',
      '"${zone}"',
      '"\\""',
      '// "',
      '\n',
      'x',
    ),
    fc.string().map((text) => JSON.stringify(text)),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join(' ');
      const named = withNames(text, names);
      const back = withIds(named, names);
      expect(back.unknown).toEqual([]);
      expect(back.text.replaceAll('\\u{24}', '$')).toBe(text.replaceAll('\\u{24}', '$'));
      expect(withNames(back.text, names)).toBe(named);
    }),
  );
});
