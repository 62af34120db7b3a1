import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PYTHON } from '../tools.js';
import type { Manifest } from './chart.js';

const PROGRAM = fileURLToPath(new URL('validate.py', import.meta.url));

/** What manifests are compared with. */
export interface Schemas {
  /** The folder of Python packages with the schemas of the kinds that Kubernetes has. */
  readonly schemas: string;
  /** Files of definitions of custom resources. */
  readonly definitions: readonly string[];
}

/**
 * What is wrong with manifests by their schemas, a field that is not known included.
 *
 * @param version of Kubernetes, such as `1.34`
 * @returns one sentence for each manifest that is wrong
 */
export function problemsBySchema(
  documents: readonly Manifest[],
  version: string,
  { schemas, definitions }: Schemas,
): string[] {
  const { status, stdout, stderr } = spawnSync(PYTHON.path ?? '', [PROGRAM], {
    input: JSON.stringify({ documents, version, definitions }),
    env: { PATH: process.env['PATH'] ?? '', PYTHONPATH: schemas, PYTHONDONTWRITEBYTECODE: '1' },
    encoding: 'utf8',
    timeout: 200_000,
  });
  if (status !== 0) throw new Error(`the manifests could not be compared: ${stderr}`);
  return JSON.parse(stdout) as string[];
}
