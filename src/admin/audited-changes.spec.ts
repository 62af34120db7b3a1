import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { AuditedChanges } from './audited-changes.service.js';

test('operators come round one after the other, however much one of them wants', async () => {
  const settings = { workers: 1, connections: undefined };
  const changes = new AuditedChanges(null as never, null as never, settings as never);
  const begun: string[] = [];
  const zoneId = randomUUID();
  const ask = (name: string, id: string | null = name) =>
    changes.inTurn(zoneId, { id, name }, async () => {
      begun.push(name);
    });
  await Promise.all([ask('a'), ask('a'), ask('a'), ask('b'), ask('admin key', null)]);
  expect(begun).toEqual(['a', 'a', 'b', 'admin key', 'a']);
});
