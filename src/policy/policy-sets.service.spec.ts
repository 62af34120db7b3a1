import { describe, expect, test } from 'vitest';
import { Counter, Histogram, Registry } from 'prom-client';
import { BackgroundFailure } from './background/background.js';
import { manifestSha256, type PolicySource } from './engine/compile.js';
import { remembering } from './remembering.fixture.js';
import { PolicySets, type StoredPolicySet } from './policy-sets.service.js';

const registers = [new Registry()];
const counter = new Counter({ name: 'failures', help: '-', labelNames: ['kind'], registers });
const histogram = new Histogram({ name: 'seconds', help: '-', registers });

const failures = async (kind: string) => {
  const { values } = await counter.get();
  return values.find(({ labels }) => labels['kind'] === kind)?.value ?? 0;
};

/** A set that is read, and too large to be compiled at once. */
function stored(name: string, policy = 'permit (principal, action, resource);'): StoredPolicySet {
  const content = `// ${'x'.repeat(9_000)}\n${policy}`;
  const modules: PolicySource[] = [{ id: name, content }];
  const manifest = manifestSha256(modules);
  return {
    status: 'stored',
    setVersionId: name,
    manifestSha256: manifest,
    loaded: { modules, manifestSha256: manifest, problem: null },
  };
}

describe('a set that cannot be compiled now', () => {
  test('is not broken: the next attempt may succeed', async () => {
    const sets = new PolicySets(counter, histogram, remembering().decisions, { workers: 1 });
    const waiting = Array.from({ length: 256 }, (_, n) => sets.open(stored(`set ${n}`)));
    await expect(sets.open(stored('one too many'))).rejects.toBeInstanceOf(BackgroundFailure);
    expect(await failures('unavailable')).toBe(1);
    // Who shares a compilation that is under way needs no place of its own.
    expect(await sets.open(stored('set 7'))).toMatchObject({ status: 'ready' });
    const opened = await Promise.all(waiting);
    expect(new Set(opened.map(({ status }) => status))).toEqual(new Set(['ready']));
    expect(await sets.open(stored('one too many'))).toMatchObject({ status: 'ready' });
    expect(await failures('unavailable')).toBe(1);
  });

  test('is not waited for where it decides nothing', async () => {
    const sets = new PolicySets(counter, histogram, remembering().decisions, { workers: 1 });
    const waiting = Array.from({ length: 256 }, (_, n) => sets.open(stored(`set ${n}`)));
    const candidates = ['set 3', 'one too many'].map((name) => sets.openLater(stored(name)));
    expect(candidates.map(({ policy }) => policy)).toEqual([null, null]);
    await Promise.all(waiting);
    await expect
      .poll(() => candidates.map(({ policy }) => policy?.status))
      .toEqual(['ready', undefined]);
  });
});

test('several workers have the room for compiled sets of one together', async () => {
  const kept = async (workers: number) => {
    const sets = new PolicySets(counter, histogram, remembering().decisions, { workers });
    // Nine megabytes: more than two of the largest sets, and far less than one process keeps.
    const policy = `@note("${'x'.repeat(25_000)}") permit (principal, action, resource);`;
    const large = Array.from({ length: 8 }, () => policy).join('\n');
    const all = Array.from({ length: 44 }, (_, n) => stored(`set ${n}`, large));
    const compiledIn = async (set: StoredPolicySet | undefined) => {
      const opened = set && (await sets.open(set));
      return opened?.status === 'ready' ? opened.compiled : undefined;
    };
    const first = await compiledIn(all[0]);
    for (const set of all) await compiledIn(set);
    expect(first).toBeDefined();
    return (await compiledIn(all[0])) === first;
  };
  expect([await kept(1), await kept(8)]).toEqual([true, false]);
});
