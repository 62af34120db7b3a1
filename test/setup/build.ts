import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

const BUILD = fileURLToPath(new URL('../../scripts/build-if-stale.mjs', import.meta.url));

/** Builds the server that tests start, before the first test and, while watching, before each rerun. */
export default function setup(project: TestProject): void {
  const build = () => {
    execFileSync(process.execPath, [BUILD], { stdio: 'inherit' });
  };
  build();
  project.onTestsRerun(build);
}
