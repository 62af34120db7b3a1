/** The entry point of a background thread: runs one task after another, each with one reply. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadSettings } from './background.js';
import { type TaskMessage, reply } from './tasks.js';

const { niceness }: ThreadSettings = workerData;

/** Lowers the priority of this thread. Only Linux has one for each thread (`/proc/thread-self` has its id). */
function lowerPriority(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), niceness);
  } catch {
    // No priorities for threads here: processors are shared evenly.
  }
}

lowerPriority();
parentPort?.on('message', (message: TaskMessage) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
  parentPort?.postMessage(reply(message));
});
