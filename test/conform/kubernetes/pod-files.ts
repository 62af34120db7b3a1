import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { environmentOf, type Container, type PodSpec } from './chart.js';

/** What Secrets hold, by name and key. */
export type Secrets = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * Writes the files of Secrets that a container mounts below a folder, as a kubelet does, and says with which
 * environment the container runs: that of the manifest, with the paths of this folder.
 *
 * @throws if a Secret or a key is named that is not there
 */
export function placePod(
  { volumes }: PodSpec,
  container: Container,
  secrets: Secrets,
  folder: string,
): Record<string, string> {
  for (const { name, mountPath } of container.volumeMounts) {
    mkdirSync(join(folder, mountPath), { recursive: true });
    const { sources = [] } = volumes.find((volume) => volume.name === name)?.projected ?? {};
    for (const { secret } of sources) {
      for (const { key, path } of secret.items) {
        const value = secrets[secret.name]?.[key];
        if (value === undefined) throw new Error(`there is no ${key} in ${secret.name}`);
        const file = join(folder, mountPath, path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, `${value}\n`);
      }
    }
  }
  const mounted = container.volumeMounts.map(({ mountPath }) => mountPath);
  return Object.fromEntries(
    Object.entries(environmentOf(container)).map(([name, value]) => [
      name,
      mounted.some((path) => value.startsWith(`${path}/`)) ? join(folder, value) : value,
    ]),
  );
}
