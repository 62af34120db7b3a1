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

test('a host that a zone had is known until its time is over, unless it is another zone`s', () => {
  const hosts = new HostTable('https://sts.example');
  const former = { zoneId: 'one', issuerUrl: 'https://was.example', formerUntil: 1_000 };
  hosts.set(null, [former, { zoneId: 'one', issuerUrl: 'https://id.example' }]);
  expect([hosts.zoneAt('was.example'), hosts.zoneAt('id.example')]).toEqual([null, 'one']);
  const found = ['was.example', 'was.example:443', 'was.example:9', 'id.example', 'sts.example'];
  expect(found.map((host) => hosts.formerZoneAt(host, 999))).toEqual([
    'one',
    'one',
    'one',
    null,
    null,
  ]);
  expect(hosts.formerZoneAt('was.example', 1_000)).toBeNull();
  expect(hosts.size).toBe(2);
  hosts.set(['one'], []);
  expect([hosts.formerZoneAt('was.example', 1), hosts.size]).toEqual([null, 0]);
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
