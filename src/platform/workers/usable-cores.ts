import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Where control groups are mounted (cgroups(7)). */
const ROOT = '/sys/fs/cgroup';

/**
 * How many cores this process may use, at least 1: those that it may run on, or fewer if a container has less of
 * their time. A share of a core counts for nothing beside whole ones.
 *
 * @param parallelism the cores that it may run on
 * @param read the text of a file; `null` if there is none
 */
export function usableCores(
  parallelism: number = availableParallelism(),
  read: (path: string) => string | null = readText,
): number {
  const quotas = quotasOf(read).filter((quota) => quota > 0);
  return Math.max(1, Math.floor(Math.min(parallelism, ...quotas)));
}

/** The cores' worth of time of each control group that the process is in, version 2 and version 1. */
function quotasOf(read: (path: string) => string | null): number[] {
  const groups = (read('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  return groups.flatMap(([, controllers = '', path = '/']) => {
    if (controllers === '') {
      return folders(path).map((folder) => quotaOf(read(`${ROOT}${folder}cpu.max`)));
    }
    if (!controllers.split(',').includes('cpu')) return [];
    return ['cpu', controllers].flatMap((mount) =>
      folders(path).map((folder) => {
        const base = `${ROOT}/${mount}${folder}`;
        const quota = read(`${base}cpu.cfs_quota_us`) ?? 'max';
        return quotaOf(`${quota.trim()} ${read(`${base}cpu.cfs_period_us`) ?? ''}`);
      }),
    );
  });
}

/** A folder and all above it, each with a slash behind: a limit of any of them holds. */
function folders(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return ['/', ...names.map((_, at) => `/${names.slice(0, at + 1).join('/')}/`)];
}

/** Microseconds of time in a period, and the period: `50000 100000` is half a core. Infinite if there is no limit. */
function quotaOf(text: string | null): number {
  const [quota = '', period = ''] = (text ?? '').trim().split(/\s+/);
  return /^\d+$/.test(quota) && /^[1-9]\d*$/.test(period)
    ? Number(quota) / Number(period)
    : Infinity;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
