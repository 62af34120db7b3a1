// npm run bench:scale: whether what there is a lot of makes an exchange slower. See docs/performance.md.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LoadProcess } from './load/load-process.js';
import { surroundings } from './measure/hardware.js';
import { figure, markdown } from './report/table.js';
import { clients } from './scale/clients.js';
import { GrowingServer } from './scale/growing-server.js';
import type { Growth } from './scale/growth.js';
import { measureGrowth, type GrowthRow } from './scale/measure-growth.js';
import { policies } from './scale/policies.js';
import { auditRows, sessions } from './scale/rows.js';
import { zones } from './scale/zones.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const ALL: readonly Growth[] = [policies, zones, clients, sessions, auditRows];
const USAGE = `npm run bench:scale -- [options]
  --only <name,…>     of: ${ALL.map(({ name }) => name).join(', ')}
  --sizes <n,…>       other sizes than ${ALL.map(({ name, sizes }) => `${name} ${sizes.join(' ')}`).join('; ')}
  --rounds <n>        5
  --seconds <n>       of each run: 2
  --at <n>            requests under way at once: 32
  --main <file>       the dist/src/main.js of another build
  --postgres <url>    a PostgreSQL 18 to make databases on, which stay
  --write <file>      writes the table as Markdown; a whole run writes bench/SCALE.md`;

function read(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      sizes: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      at: { type: 'string', default: '32' },
      main: { type: 'string', default: MAIN },
      postgres: { type: 'string' },
      write: { type: 'string' },
    },
  });
  const names = values.only?.split(',');
  const unknown = names?.find((name) => !ALL.some((growth) => growth.name === name));
  if (unknown !== undefined) throw new TypeError(`there is nothing called ${unknown}`);
  const whole = names === undefined && values.sizes === undefined;
  return {
    growths: ALL.filter(({ name }) => names?.includes(name) ?? true),
    sizes: values.sizes?.split(',').map(Number),
    how: {
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      callers: Number(values.at),
    },
    main: values.main,
    postgres: values.postgres,
    write: values.write ?? (whole ? 'bench/SCALE.md' : undefined),
  };
}

function describe(rows: readonly GrowthRow[]): string {
  const made = surroundings();
  const heading = ['of', 'size', 'made in s', 'disk GB', 'first answer ms', 'rate', 'p99', 'CPU'];
  const lines = rows.map((row) => [
    row.growth,
    String(row.size),
    figure(row.madeIn, 1),
    figure(row.diskBytes / 1e9, 2),
    row.firstMs === null ? 'none' : figure(row.firstMs),
    figure(row.rate, 2),
    figure(row.p99, 2),
    figure(row.cpu, 2),
  ]);
  const where = `Commit ${made.commit}, ${made.at}, Node.js ${made.node}, ${made.cores} × ${made.processor}, ${made.memoryGb} GB.`;
  const what =
    'Rate, p99 and processor time are those beside a server that has little of everything, in turns: 1 is the same.';
  return `# Results of \`npm run bench:scale\`\n\n${where} ${what}\n\n${markdown({ heading, lines })}\n`;
}

async function run(options: ReturnType<typeof read>): Promise<GrowthRow[]> {
  const rows: GrowthRow[] = [];
  const load = new LoadProcess();
  const little = await GrowingServer.start(options.main, options.postgres);
  try {
    for (const growth of options.growths) {
      const small = await little.candidate('small', [growth.kind]);
      const grown = await GrowingServer.start(options.main, options.postgres);
      let from = growth.sizes[0] ?? 0;
      try {
        for (const size of options.sizes ?? growth.sizes) {
          console.error(`${growth.name}: ${size}`);
          const sizes = [from, size] as const;
          rows.push(await measureGrowth(load, growth, sizes, { small, grown }, options.how));
          from = size;
        }
      } finally {
        await grown.stop();
      }
    }
  } finally {
    load.stop();
    await little.stop();
  }
  return rows;
}

// Broken off, it ends what it has started: they listen for the exit.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

function readOrExplain(): ReturnType<typeof read> | null {
  try {
    return read(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return null;
  }
}

const options = readOrExplain();
if (options === null) process.exitCode = 2;
else {
  const text = describe(await run(options));
  console.log(text);
  if (options.write !== undefined) writeFileSync(options.write, text);
}
