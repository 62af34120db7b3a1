import { join } from 'node:path';
import type { Demo } from './admin/zones/demo.service.js';
import type { RunningEnv } from './platform/config/env.js';
import { writePrivate } from './platform/config/private-file.js';

/**
 * Makes the demo zone, and says to a person at a terminal how it is used. Where this is found is in the files `url` and
 * `internal-url` of the data directory as well, for commands in another terminal.
 *
 * @param port the public one
 */
export async function introduce(
  demo: Demo,
  port: number,
  { dataDir, internalPort }: Pick<RunningEnv, 'dataDir' | 'internalPort'>,
): Promise<void> {
  const here = `http://localhost:${port}`;
  const operators = internalPort === undefined ? here : `http://localhost:${internalPort}`;
  await writePrivate(join(dataDir, 'internal-url'), `${operators}\n`);
  await writePrivate(join(dataDir, 'url'), `${here}\n`);
  const introduction = await demo.prepare();
  if (introduction === null) return;
  const { curlConfig, confirmPath } = introduction;
  const lines = [
    `Mandate is up, at ${here}. Get a first mandate with:`,
    `  curl -sK '${curlConfig}' ${here}/oauth/2/token`,
    ...(confirmPath === null
      ? []
      : ['See what a person sees who has to confirm a request:', `  ${here}${confirmPath}`]),
    `What operators may do is at ${operators}/docs, and their token is admin_token in\n${join(dataDir, 'demo.json')}. Ctrl-C stops Mandate and its database.`,
  ];
  process.stdout.write(`\n${lines.join('\n\n')}\n\n`);
}
