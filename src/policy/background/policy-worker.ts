/** What a background thread runs: one task after another, each with one reply. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { type TaskMessage, reply } from './tasks.js';

const NICENESS = 10;

/** On Linux a thread has a priority of its own, and `/proc/thread-self` says who it is; elsewhere this does nothing. */
function lowerPriority(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), NICENESS);
  } catch {
    // Then the operating system shares the processors evenly.
  }
}

lowerPriority();
parentPort?.on('message', (message: TaskMessage) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
  parentPort?.postMessage(reply(message));
});
