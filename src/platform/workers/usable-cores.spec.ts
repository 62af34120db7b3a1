import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { usableCores } from './usable-cores.js';

const V2 = '/sys/fs/cgroup';

test.each([
  ['no limit', { '/proc/self/cgroup': '0::/\n', [`${V2}/cpu.max`]: 'max 100000\n' }, 64],
  ['half a core', { '/proc/self/cgroup': '0::/\n', [`${V2}/cpu.max`]: '50000 100000\n' }, 1],
  ['two and a half', { '/proc/self/cgroup': '0::/\n', [`${V2}/cpu.max`]: '250000 100000\n' }, 2],
  [
    'more than there is',
    { '/proc/self/cgroup': '0::/\n', [`${V2}/cpu.max`]: '9900000 100000' },
    64,
  ],
  [
    'a limit of a group above',
    {
      '/proc/self/cgroup': '0::/kubepods/pod7/box\n',
      [`${V2}/kubepods/pod7/cpu.max`]: '300000 100000\n',
      [`${V2}/kubepods/pod7/box/cpu.max`]: 'max 100000\n',
    },
    3,
  ],
  [
    'version 1',
    {
      '/proc/self/cgroup': '9:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n0::/\n',
      [`${V2}/cpu/docker/x/cpu.cfs_quota_us`]: '400000\n',
      [`${V2}/cpu/docker/x/cpu.cfs_period_us`]: '100000\n',
    },
    4,
  ],
  [
    'version 1, without a limit',
    {
      '/proc/self/cgroup': '4:cpu:/\n',
      [`${V2}/cpu/cpu.cfs_quota_us`]: '-1\n',
      [`${V2}/cpu/cpu.cfs_period_us`]: '100000\n',
    },
    64,
  ],
  ['no control groups', {}, 64],
  ['what is no number', { '/proc/self/cgroup': '0::/\n', [`${V2}/cpu.max`]: '\0 x y' }, 64],
])('of 64 cores, with %s', (_name, files: Record<string, string>, cores) => {
  expect(usableCores(64, (path) => files[path] ?? null)).toBe(cores);
});

test('of this machine there is at least one, and no more than there are', () => {
  expect(usableCores()).toBeGreaterThanOrEqual(1);
  expect(usableCores()).toBeLessThanOrEqual(availableParallelism());
});
