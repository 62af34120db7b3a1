import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { parseCompactJws } from '../../oauth/compact-jws.js';
import { Introspection } from './introspection.service.js';

type Parts = ConstructorParameters<typeof Introspection>;

test('others have their turn while the tokens of a batch are looked at', async () => {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  const tokens = Array.from({ length: 100 }, (_, n) => `no token ${n}`);
  const caller = { zone: { zoneId: 'z' }, client: { id: 'c' }, by: 'client', json: { tokens } };
  const parts: readonly object[] = [
    {
      whileCurrent: (_request: object, _terms: object, run: (...asked: object[]) => unknown) =>
        run(caller, {}),
    },
    { ask: () => Promise.resolve([]) },
    {},
    { parse: parseCompactJws },
    { record: () => Promise.resolve() },
    { now: () => 0 },
    { inc: () => undefined },
  ];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what it takes of them is there
  const introspection = new Introspection(...(parts as unknown as Parts));
  setImmediate(count);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing is read of it but the name
  const request = { headers: {} } as IncomingMessage;
  const { answers } = await introspection.run(request, null);
  isOver = true;
  expect(answers).toHaveLength(100);
  expect(turns).toBeGreaterThanOrEqual(9);
});
