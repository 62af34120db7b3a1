import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { ADMIN_TOKEN, createDatabase, KEY_ENCRYPTION_KEY } from '../setup/harness.js';
import { killProcesses, startProcess } from '../setup/process.js';

afterAll(killProcesses);

describe('when a process ends', () => {
  /** What a process writes that logs 500 lines, and then comes to its end. */
  function output(end: string) {
    const module = new URL('../../dist/src/platform/config/logger.js', import.meta.url);
    const script = `
      import { createLogger } from ${JSON.stringify(module.href)};
      const logger = createLogger('info');
      for (let n = 0; n < 500; n += 1) logger.info({ n }, 'request');
      ${end}`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    return stdout
      .split('\n')
      .flatMap((text) => (text === '' ? [] : [JSON.parse(text) as { n?: number; msg: string }]));
  }
  const all = Array.from({ length: 500 }, (_, n) => n);

  test.each([
    ['by itself', ''],
    ['by its own will', 'process.exit(0);'],
    ['by an error that nothing catches', 'setTimeout(() => { throw new Error("uncaught"); });'],
    ['by a rejection that nothing catches', 'await Promise.reject(new Error("unhandled"));'],
  ])('%s, all lines are written', (_how, end) => {
    expect(output(end).map(({ n }) => n)).toEqual(all);
  });

  test('killed, it has written what was before an error, and the first lines', () => {
    const kill = 'process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1_000);';
    expect(output(kill).length).toBeGreaterThanOrEqual(20);
    const written = output(`logger.error('the last line'); ${kill}`);
    expect(written).toHaveLength(501);
    expect(written.at(-1)).toMatchObject({ msg: 'the last line' });
  });
});

describe('what cannot be written', () => {
  const module = new URL('../../dist/src/platform/config/logger.js', import.meta.url);
  /** Logs more than a pipe takes, goes on in a later turn, and says so on the other stream. */
  const script = `
    import { writeSync } from 'node:fs';
    import { createLogger } from ${JSON.stringify(module.href)};
    const logger = createLogger('info');
    for (let n = 0; n < 5_000; n += 1) logger.warn({ n, text: 'x'.repeat(50) }, 'line');
    setImmediate(() => writeSync(2, 'it goes on'));
    process.stdin.on('data', () => process.exit(0));`;

  test('since nobody reads holds nothing up, and is there when it is read', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    await expect.poll(() => said).toBe('it goes on');
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await expect.poll(() => output.split('\n').length).toBe(5_001);
    const numbers = output
      .trim()
      .split('\n')
      .map((text) => (JSON.parse(text) as { n: number }).n);
    expect(numbers).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  });

  test('since the disk is full does not end the process', async () => {
    const full = openSync('/dev/full', 'w');
    onTestFinished(() => closeSync(full));
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', full, 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    await expect.poll(() => said).toBe('it goes on');
    child.stdin?.write('end');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

test('the log of a server that is stopped has a line for each request, in order, and says that it stops', async () => {
  const server = startProcess({
    DATABASE_URL: await createDatabase(),
    KEY_ENCRYPTION_KEY,
    ADMIN_TOKEN,
    PORT: '0',
    DRAIN_SECONDS: '0',
    STOP_SECONDS: '100',
  });
  const { ports } = await server.listens();
  const labels = Array.from({ length: 300 }, (_, n) => `request-${n}`);
  const ask = async (label: string) => {
    const url = `http://127.0.0.1:${ports[0]}/nothing`;
    const answer = await fetch(url, { headers: { 'x-request-id': label } });
    return answer.status;
  };
  // So many at a time that a busy machine need not turn any away.
  for (let first = 0; first < labels.length; first += 30) {
    const answers = await Promise.all(labels.slice(first, first + 30).map(ask));
    expect(new Set(answers)).toEqual(new Set([404]));
  }
  server.kill('SIGTERM');
  await server.ended;

  const log = server
    .lines()
    .flatMap((text) => (text === '' ? [] : [JSON.parse(text) as Record<string, string>]));
  const logged = log.flatMap(({ requestLabel }) => requestLabel ?? []);
  expect(logged.toSorted()).toEqual(labels.toSorted());
  const times = log.map(({ time = '' }) => time);
  expect(times).toEqual(times.toSorted());
  expect(log.at(-1)).toMatchObject({ msg: 'stopping', signal: 'SIGTERM' });
});
