import { readFileSync } from 'node:fs';

/** Where the main thread was. */
export interface Frame {
  /** The function, or in parentheses what V8 did itself. */
  readonly name: string;
  /** The file, `node:…`, `wasm://…`, or nothing for native code. */
  readonly url: string;
  /** The frame that called it; `null` for the root. */
  readonly caller: Frame | null;
}

/** One look of the profiler at the main thread. */
export interface Sample {
  /** By the monotonic clock, in microseconds. */
  readonly atUs: number;
  /** Until the next look. */
  readonly us: number;
  readonly frame: Frame;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Reads a file that `--cpu-prof` wrote. */
export function readSamples(file: string): Sample[] {
  const { nodes, startTime, samples, timeDeltas } = JSON.parse(
    readFileSync(file, 'utf8'),
  ) as Profile;
  const frames = framesOf(nodes);
  let atUs = startTime;
  return samples.flatMap((id, index) => {
    atUs += timeDeltas[index] ?? 0;
    const frame = frames.get(id);
    return frame === undefined ? [] : [{ atUs, us: timeDeltas[index + 1] ?? 0, frame }];
  });
}

/** Parents come before their children in a profile. */
function framesOf(nodes: readonly ProfileNode[]): Map<number, Frame> {
  const callerOf = new Map<number, number>();
  for (const { id, children = [] } of nodes) for (const child of children) callerOf.set(child, id);
  const frames = new Map<number, Frame>();
  for (const { id, callFrame } of nodes) {
    const caller = frames.get(callerOf.get(id) ?? -1) ?? null;
    frames.set(id, { name: callFrame.functionName, url: callFrame.url, caller });
  }
  return frames;
}
