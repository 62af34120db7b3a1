// How long it takes to verify and to export a large audit log, and with how much memory: `mandate audit verify` over the
// database and over a bundle, examples/verify-audit/verify.py, and exports and a bundle by a server. Nothing was changed, so
// nothing may be found; then one event is changed, and that has to be.
// Run after `npm run build`: node bench/evidence.mjs [events of the zone: 1000000]
// The events are copies of one that the server has recorded, in four chains on three days, with a tenth as many in two other
// zones; the server seals and indexes them while they are put in. Figures are of one run; it fails if something is wrong.
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const DAYS = 3;
const AT_ONCE = 1_000;
const root = fileURLToPath(new URL('..', import.meta.url));
const dataDir = mkdtempSync(join(tmpdir(), 'mandate-bench-evidence-'));
const read = (name) => readFileSync(join(dataDir, name), 'utf8').trim();
const report = (what, seconds, more = '') =>
  console.log(`${what.padEnd(52)} ${seconds.toFixed(1).padStart(7)} s  ${more}`);
const mib = (bytes) => `${(bytes / 1_048_576).toFixed(0)} MiB`;
let wrong = 0;
const need = (isRight, what) => {
  if (isRight) return;
  wrong += 1;
  console.log(`WRONG: ${what}`);
};

async function timed(work) {
  const at = performance.now();
  const result = await work();
  return { seconds: (performance.now() - at) / 1_000, result };
}

async function start(env = {}) {
  const child = spawn(process.execPath, [join(root, 'dist/src/main.js')], {
    env: { PATH: process.env.PATH, PORT: '0', WORKERS: '1', DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said = (said + String(chunk)).slice(-100_000)));
  while (!/"ports":\[(\d+)/.test(said)) {
    if (child.exitCode !== null) throw new Error(said);
    await sleep(20);
  }
  return { child, url: `http://127.0.0.1:${/"ports":\[(\d+)/.exec(said)?.[1]}` };
}

/** The id of an event of a moment: UUIDv7. */
function idAt(ms) {
  const hex = ms.toString(16).padStart(12, '0') + randomBytes(10).toString('hex');
  const variant = ((parseInt(hex[16], 16) & 3) | 8).toString(16);
  const id = `${hex.slice(0, 12)}7${hex.slice(13, 16)}${variant}${hex.slice(17)}`;
  return id.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}

/** One chain of hashes, whose events are like one that there is. */
class Chain {
  seq = 0;
  hash = Buffer.alloc(32);
  writer = randomUUID();

  constructor(zone, like) {
    this.zone = zone;
    this.like = like;
  }

  async add(client, count, at, step) {
    const rows = [];
    for (let n = 0; n < count; n += 1) {
      const micros = Math.round((at + n * step) * 1_000);
      const id = idAt(Math.floor(micros / 1_000));
      const [request, jti] = [randomUUID(), randomUUID()];
      const second = new Date(Math.floor(micros / 1_000)).toISOString().slice(0, 20);
      const occurred = `${second}${String(micros % 1_000_000).padStart(6, '0')}Z`;
      const { mandate, ...like } = this.like;
      const place = { id, zone_id: this.zone, writer: this.writer, occurred_at: occurred };
      const text = JSON.stringify({
        ...like,
        ...place,
        seq: this.seq + 1,
        request_id: request,
        mandate: { ...mandate, jti },
      });
      const before = this.hash;
      this.hash = createHash('sha256').update(before).update(text).digest();
      this.seq += 1;
      rows.push([id, occurred, this.seq, request, jti, before, this.hash, text]);
    }
    const column = (n) => rows.map((row) => row[n]);
    const { trace_id: trace, request_label: label, type, outcome, client_id: of } = this.like;
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO audit_events (zone_id, writer, request_label, type, outcome, client_id, id, occurred_at, seq, request_id, jti,
                                 previous_hash, hash, event, event_text)
       SELECT $1, $2, $3, $4, $5, $6, n.id, n.at, n.seq, n.request, n.jti, n.before, n.hash, '{}', n.content
         FROM unnest($7::uuid[], $8::timestamptz[], $9::bigint[], $10::text[], $11::uuid[], $12::bytea[], $13::bytea[], $14::text[])
           AS n (id, at, seq, request, jti, before, hash, content)`,
      [
        this.zone,
        this.writer,
        label ?? trace,
        type,
        outcome,
        of,
        ...[0, 1, 2, 3, 4, 5, 6, 7].map(column),
      ],
    );
    await client.query(
      `INSERT INTO audit_chains (zone_id, writer, seq, hash, last_event_id) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (zone_id, writer) DO UPDATE SET seq = EXCLUDED.seq, hash = EXCLUDED.hash, last_event_id = EXCLUDED.last_event_id`,
      [this.zone, this.writer, this.seq, this.hash, rows.at(-1)[0]],
    );
    await client.query('COMMIT');
  }
}

/** Runs a program to its end. Says how much memory it took at most, where it is ours. */
async function run(program, args, env = {}) {
  const hook = `import{writeSync}from'node:fs';process.on('exit',()=>writeSync(2,'\\nMOST '+process.resourceUsage().maxRSS))`;
  const node = program === process.execPath ? ['--import', `data:text/javascript,${hook}`] : [];
  const child = spawn(program, [...node, ...args], {
    env: { PATH: process.env.PATH, ...env },
    cwd: tmpdir(),
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  const [code] = await once(child, 'close');
  const most = /\nMOST (\d+)/.exec(err)?.[1];
  return { code, out, err, memory: most === undefined ? '' : mib(Number(most) * 1_024) };
}

const cli = (args, env) => run(process.execPath, [join(root, 'dist/src/cli.js'), ...args], env);

/** Fetches an answer whole, and says how much the memory of the server has grown at most meanwhile. */
async function fetched(server, path, token, file) {
  const resident = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1]) *
    1_024;
  const before = resident();
  let most = before;
  const watching = setInterval(() => (most = Math.max(most, resident())), 20);
  const asked = timed(async () => {
    const response = await fetch(`${server.url}/internal${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    if (response.status !== 200)
      throw new Error(`${path}: ${response.status} ${await response.text()}`);
    await pipeline(Readable.fromWeb(response.body), createWriteStream(file));
  });
  const { seconds } = await asked.finally(() => clearInterval(watching));
  const grown = most - before;
  return {
    seconds,
    grown,
    most: `${mib(statSync(file).size)}, ${mib(before)} and ${mib(grown)} more`,
  };
}

const linesOf = (file) =>
  Number(execFileSync('wc', ['-l', file], { encoding: 'utf8' }).trim().split(' ')[0]);

const server = await start();
// Broken off, it ends what it has started.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
process.once('exit', () => server.child.kill('SIGTERM'));
try {
  const demo = JSON.parse(read('demo.json'));
  const [, , , port] = read('postgres/postmaster.pid').split('\n');
  const DATABASE_URL = `postgres://mandate:${read('postgres-password')}@127.0.0.1:${port}/mandate`;
  const client = new pg.Client({ connectionString: DATABASE_URL });
  // The call that fails throws; an error event without a listener would end the process.
  client.on('error', () => {});
  await client.connect();

  const asked = await fetch(`${server.url}/oauth/2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: demo.application_id,
      client_secret: demo.client_secret,
      resource: demo.resource,
      scope: demo.scope,
    }),
  });
  if (asked.status !== 200) throw new Error(await asked.text());
  const { rows: like } = await client.query(
    `SELECT event_text FROM audit_events WHERE outcome = 'issued' ORDER BY id DESC LIMIT 1`,
  );
  const one = JSON.parse(like[0].event_text);

  const [zone, ...others] = [demo.zone_id, randomUUID(), randomUUID()];
  const chains = [
    ...[1, 2, 3, 4].map(() => ({ chain: new Chain(zone, one), share: 0.25 })),
    ...others.map((id) => ({ chain: new Chain(id, one), share: 0.05 })),
  ];
  const today = Math.floor(Date.now() / 86_400_000);
  for (let day = today - DAYS; day < today; day += 1) {
    await client.query(
      `SELECT ledger_make_day(t.name, ledger_day_begins(t.keyed_by, $1::date), ledger_day_begins(t.keyed_by, $1::date + 1),
                              t.name || '_' || to_char($1::date, 'YYYYMMDD')) FROM tables_by_day t WHERE t.name = 'audit_events'`,
      [new Date(day * 86_400_000).toISOString().slice(0, 10)],
    );
  }
  await client.query('SELECT audit_index_days()');
  const put = await timed(async () => {
    for (let day = 0; day < DAYS; day += 1) {
      const begins = (today - DAYS + day) * 86_400_000;
      const left = chains.map(({ chain, share }) => ({
        chain,
        of: Math.ceil((EVENTS * share) / DAYS),
        done: 0,
      }));
      while (left.some(({ of, done }) => done < of)) {
        for (const each of left) {
          const count = Math.min(AT_ONCE, each.of - each.done);
          if (count <= 0) continue;
          const step = 86_000_000 / each.of;
          await each.chain.add(client, count, begins + each.done * step, step);
          each.done += count;
        }
      }
    }
  });
  report(`${EVENTS} events of a zone, and more of others, put in`, put.seconds);
  const waitFor = (sql) =>
    timed(async () => {
      while ((await client.query(sql)).rows[0].left !== 0) await sleep(200);
    });
  const sealed = await waitFor(
    `SELECT (SELECT count(*) FROM audit_chains c LEFT JOIN evidence_heads h USING (zone_id, writer) WHERE c.seq > coalesce(h.seq, 0))::int
          + (SELECT count(*) FROM evidence_logs l LEFT JOIN evidence_checkpointed c USING (zone_id)
              WHERE l.zone_id::text NOT LIKE 'ffffffff%' AND l.size > coalesce(c.size, 0))::int AS left`,
  );
  const { rows: made } = await client.query(
    'SELECT (SELECT count(*) FROM checkpoints)::int + (SELECT count(*) FROM zone_checkpoints)::int AS count',
  );
  report('until all of it was sealed', sealed.seconds, `${made[0].count} checkpoints`);
  const indexed = await waitFor(
    `SELECT count(*)::int AS left FROM audit_chains c LEFT JOIN audit_index_heads h USING (zone_id, writer) WHERE c.seq > coalesce(h.seq, 0)`,
  );
  report('until all of it was in the index', indexed.seconds);
  await client.query('VACUUM ANALYZE');

  const verified = await timed(() => cli(['audit', 'verify', '--json'], { DATABASE_URL }));
  report('mandate audit verify', verified.seconds, verified.result.memory);
  need(verified.result.code === 0, `${verified.result.out}${verified.result.err}`);
  console.log(verified.result.out.trim());

  const bundle = join(dataDir, 'bundle.ndjson');
  const written = await timed(() =>
    cli(['audit', 'bundle', '--zone', zone, '-o', bundle], { DATABASE_URL }),
  );
  report('mandate audit bundle', written.seconds, written.result.memory);
  need(written.result.code === 0, `${written.result.out}${written.result.err}`);
  console.log(written.result.out.trim());
  const { rows: keys } = await client.query('SELECT vkey FROM checkpoint_keys');
  const key = keys[0].vkey;
  const offline = await timed(() =>
    cli(['audit', 'verify', '--json', '--bundle', bundle, '--key', key], {}),
  );
  report('mandate audit verify --bundle', offline.seconds, offline.result.memory);
  need(offline.result.code === 0, `${offline.result.out}${offline.result.err}`);
  console.log(offline.result.out.trim());
  const python = await timed(() =>
    run('python3', ['-B', join(root, 'examples/verify-audit/verify.py'), bundle, key]),
  );
  report('verify.py', python.seconds);
  need(python.result.code === 0, `${python.result.out}${python.result.err}`);
  console.log(python.result.out.trim());

  // A process of its own, which has nothing in memory that came from the filling.
  const second = await start({
    DATABASE_URL,
    KEY_ENCRYPTION_KEY: read('key-encryption-key'),
    ADMIN_TOKEN: demo.admin_token,
  });
  try {
    const of = `/zones/${zone}/audit`;
    const short = new Date((today - 1) * 86_400_000 + 600_000).toISOString();
    const from = new Date((today - 1) * 86_400_000).toISOString();
    const scratch = join(dataDir, 'scratch');
    await fetched(second, `${of}/export?from=${from}&to=${short}`, demo.admin_token, scratch);
    for (const format of ['ndjson', 'csv']) {
      const got = await fetched(second, `${of}/export?format=${format}`, demo.admin_token, scratch);
      report(`export as ${format}`, got.seconds, got.most);
      need(got.grown < 200 * 1_048_576, 'the server has grown by more than 200 MiB');
      need(linesOf(scratch) >= EVENTS, `there are ${linesOf(scratch)} lines`);
    }
    const got = await fetched(second, `${of}/bundle`, demo.admin_token, scratch);
    report('bundle by the server', got.seconds, got.most);
    need(got.grown < 200 * 1_048_576, 'the server has grown by more than 200 MiB');
    const again = await cli(['audit', 'verify', '--json', '--bundle', scratch, '--key', key], {});
    need(again.code === 0, `${again.out}${again.err}`);
  } finally {
    second.child.kill('SIGTERM');
    await once(second.child, 'exit');
  }

  await client.query('SET session_replication_role = replica');
  const { chain } = chains[1];
  const seq = Math.floor(chain.seq / 2);
  await client.query(
    `UPDATE audit_events SET event_text = replace(event_text, 'issued', 'denied') WHERE zone_id = $1 AND writer = $2 AND seq = $3`,
    [chain.zone, chain.writer, seq],
  );
  const changed = await timed(() => cli(['audit', 'verify', '--json'], { DATABASE_URL }));
  report(
    'mandate audit verify, after one event was changed',
    changed.seconds,
    changed.result.memory,
  );
  const faults = changed.result.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  need(
    changed.result.code === 1 && faults.length === 2 && faults[0].seq === seq,
    changed.result.out.slice(0, 2_000),
  );
  console.log(changed.result.out.trim());
  await client.end();
} finally {
  server.child.kill('SIGTERM');
  if (server.child.exitCode === null) await once(server.child, 'exit');
  rmSync(dataDir, { recursive: true, force: true });
}
process.exitCode = wrong === 0 ? 0 : 1;
