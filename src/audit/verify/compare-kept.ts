import type { FaultSink } from './fault.js';
import type { KeptCheckpoint } from './kept-checkpoint.js';

/** Says of a log what only a checkpoint shows. */
export function sayOf(zone: string | null, tell: FaultSink): (why: string) => void {
  return (why) =>
    tell({ kind: 'checkpoint', zone, writer: null, seq: null, lastSeq: null, id: null, why });
}

/** Compares checkpoints that were kept of a log with its root, where it is as large as they say. */
export function compareKept(
  unmet: Set<KeptCheckpoint>,
  log: { readonly origin: string; readonly size: number; readonly root: () => Buffer },
  say: (why: string) => void,
): void {
  for (const one of unmet) {
    const { origin, size, root } = one.checkpoint;
    if (origin !== log.origin || size !== log.size) continue;
    unmet.delete(one);
    if (!root.equals(log.root())) {
      say(`${one.from} has another root: among the first ${size} leaves one is not what it was`);
    }
  }
}
