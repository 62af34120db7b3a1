#!/usr/bin/env node
// For `nest start --watch --exec`: runs the server, and again whenever a `.sql` file has changed. Nest itself
// restarts for TypeScript only, and its own watch of assets loses files that an editor replaces.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, watchFile } from 'node:fs';
import { dirname, join } from 'node:path';

let server;
let again = false;
let stopping = false;

const files = readdirSync('src', { recursive: true }).filter((name) => name.endsWith('.sql'));

function run() {
  again = false;
  for (const name of files.filter((each) => existsSync(join('src', each)))) {
    mkdirSync(dirname(join('dist', 'src', name)), { recursive: true });
    copyFileSync(join('src', name), join('dist', 'src', name));
  }
  server = spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit' });
  server.on('exit', (code) => {
    server = undefined;
    if (stopping) process.exit(code ?? 1);
    // One that ended by itself waits for the next change, as it does with nest.
    if (again) run();
  });
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopping = true;
    if (server === undefined) process.exit();
    server.kill(signal);
  });
}

// By looking at their times: watching whole folders misses what is replaced on some systems.
for (const name of files) {
  watchFile(join('src', name), { interval: 300 }, () => {
    if (server === undefined) return run();
    again = true;
    server.kill('SIGTERM');
  });
}

run();
