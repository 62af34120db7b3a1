// Runs measurements: npm run bench            all of them, one after the other
//                    npm run bench -- policy  one, with whatever arguments follow its name
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const names = readdirSync(here)
  .filter((file) => file.endsWith('.mjs') && file !== 'run.mjs')
  .map((file) => file.replace(/\.mjs$/, ''))
  .toSorted();

const [chosen, ...rest] = process.argv.slice(2);
if (chosen !== undefined && !names.includes(chosen)) {
  console.error(`no measurement is called ${chosen}; there are: ${names.join(', ')}`);
  process.exit(2);
}
for (const name of chosen === undefined ? names : [chosen]) {
  console.log(`== ${name}`);
  const { status } = spawnSync(process.execPath, [`${here}${name}.mjs`, ...rest], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
