import { describe, expect, test } from 'vitest';
import { Turns, type TurnLimits } from './turns.js';

const LIMITS: TurnLimits = {
  ofOneKey: 1,
  inAll: 2,
  waiting: 10,
  waitingOfOne: 5,
  waitMs: 60_000,
};

/** Jobs that go on until they are let go, and the order in which they were begun. */
function jobs(limits: Partial<TurnLimits> = {}) {
  const turns = new Turns({ ...LIMITS, ...limits });
  const begun: string[] = [];
  const open = new Map<string, () => void>();
  return {
    begun,
    /** Asks for a turn; the job is called by its key, its asker and a number. */
    ask: (key: string, asker = 'a', nth = 1) => {
      const name = `${key}${asker}${nth}`;
      const turn = turns.take(key, asker, () => {
        begun.push(name);
        return new Promise<string>((resolve) => open.set(name, () => resolve(name)));
      });
      // One whose turn never comes fails when its test is long over.
      turn.catch(() => {});
      return turn;
    },
    end: async (name: string): Promise<void> => {
      open.get(name)?.();
      // The end of a job, the turn of the next one and its beginning are a few microtasks apart.
      await new Promise(setImmediate);
    },
  };
}

describe('jobs of one key', () => {
  test('are done one at a time, in the order in which they were asked for', async () => {
    const { ask, begun, end } = jobs();
    const results = [ask('x', 'a', 1), ask('x', 'a', 2), ask('x', 'a', 3)];
    expect(begun).toEqual(['xa1']);
    await end('xa1');
    expect(begun).toEqual(['xa1', 'xa2']);
    await end('xa2');
    await end('xa3');
    expect(await Promise.all(results)).toEqual(['xa1', 'xa2', 'xa3']);
  });

  test('alternate between those who ask', async () => {
    const { ask, begun, end } = jobs();
    for (const nth of [1, 2, 3]) void ask('x', 'a', nth);
    void ask('x', 'b');
    await end('xa1');
    await end('xa2');
    await end('xb1');
    expect(begun).toEqual(['xa1', 'xa2', 'xb1', 'xa3']);
  });

  test('go on after one that fails', async () => {
    const turns = new Turns(LIMITS);
    const failing = turns.take('x', 'a', () => Promise.reject(new Error('no')));
    const next = turns.take('x', 'a', () => Promise.resolve('done'));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('done');
  });
});

describe('keys', () => {
  test('do not wait for each other, up to the bound for all', async () => {
    const { ask, begun, end } = jobs();
    for (const key of ['x', 'y', 'z']) void ask(key);
    expect(begun).toEqual(['xa1', 'ya1']);
    await end('ya1');
    expect(begun).toEqual(['xa1', 'ya1', 'za1']);
  });

  test('come round one after the other, however much one of them wants', async () => {
    const { ask, begun, end } = jobs({ inAll: 1 });
    for (const nth of [1, 2, 3]) void ask('x', 'a', nth);
    void ask('y');
    await end('xa1');
    await end('ya1');
    expect(begun).toEqual(['xa1', 'ya1', 'xa2']);
  });
});

describe('what does not fit', () => {
  test('is refused at once: to one who asks for too much, and when too many wait', async () => {
    const { ask, begun } = jobs({ waiting: 3, waitingOfOne: 2 });
    for (const nth of [1, 2, 3]) void ask('x', 'a', nth);
    await expect(ask('x', 'a', 4)).rejects.toMatchObject({ code: 'slow_down', retryAfter: 1 });
    void ask('x', 'b');
    await expect(ask('x', 'c')).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    void ask('y', 'a');
    expect(begun).toEqual(['xa1', 'ya1']);
  });

  test('is not begun any more when it has waited for too long', async () => {
    const { ask, begun, end } = jobs({ waitMs: 5 });
    void ask('x', 'a', 1);
    await expect(ask('x', 'a', 2)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    void ask('x', 'b').catch(() => {});
    await end('xa1');
    expect(begun).not.toContain('xa2');
    // Nothing is left of it that would keep others from their turn.
    await end('xb1');
    void ask('x', 'a', 3);
    expect(begun).toContain('xa3');
  });
});
