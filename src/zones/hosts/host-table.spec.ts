import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { HostTable } from './host-table.js';

const table = (...found: readonly [zoneId: string, issuerUrl: string][]) => {
  const made = new HostTable('https://sts.example/tenants');
  made.set(
    null,
    found.map(([zoneId, issuerUrl]) => ({ zoneId, issuerUrl })),
  );
  return made;
};

test('a host is found with the port that is not the usual one, and with the usual one or without', () => {
  const hosts = table(['one', 'https://id.example'], ['two', 'https://id.example:8443']);
  const found = ['id.example', 'id.example:443', 'id.example:8443', 'example'];
  expect(found.map((host) => hosts.zoneAt(host))).toEqual(['one', 'one', 'two', null]);
});

test('no port that a client writes leads out of a zone, nor out of the installation', () => {
  const hosts = table(['one', 'https://id.example'], ['two', 'https://sts.example:8443']);
  const found = ['id.example:9443', 'id.example:', 'id.example:0443', 'sts.example:1', 'x:1'];
  expect(found.map((host) => hosts.zoneAt(host))).toEqual(['one', 'one', 'one', null, null]);
  expect(hosts.zoneAt('sts.example:8443')).toBe('two');
});

test('the host of the installation is no zone', () => {
  const hosts = table(['one', 'https://sts.example'], ['two', 'https://id.example']);
  expect([hosts.zoneAt('sts.example'), hosts.zoneAt('id.example'), hosts.size]).toEqual([
    null,
    'two',
    1,
  ]);
});

test('is what is stored, in whatever order changes are read', () => {
  const zones = fc.constantFrom('a', 'b', 'c');
  const host = fc.option(fc.constantFrom('one', 'two', 'three'));
  fc.assert(
    fc.property(fc.array(fc.tuple(zones, host)), fc.boolean(), (changes, one) => {
      const stored = new Map<string, string>();
      const hosts = new HostTable('https://sts.example');
      const read = (asked: readonly string[]) =>
        hosts.set(
          asked,
          asked.flatMap((zoneId) => {
            const own = stored.get(zoneId);
            return own === undefined ? [] : [{ zoneId, issuerUrl: `https://${own}` }];
          }),
        );
      const unread = new Set<string>();
      for (const [zoneId, name] of changes) {
        // No two zones have one host.
        if (name !== null && [...stored.values()].includes(name)) continue;
        if (name === null) stored.delete(zoneId);
        else stored.set(zoneId, name);
        unread.add(zoneId);
        if (one) read([zoneId]);
      }
      for (const zoneId of [...unread].toReversed()) read([zoneId]);
      for (const name of ['one', 'two', 'three']) {
        const owner = [...stored].find(([, own]) => own === name)?.[0] ?? null;
        expect([name, hosts.zoneAt(name)]).toEqual([name, owner]);
      }
      expect(hosts.size).toBe(stored.size);
    }),
  );
});
