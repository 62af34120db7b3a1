/** Milliseconds from one tick of the primary process to the next. */
export const TICK_MS = 5_000;

/** How many ticks a worker may say nothing: it tells what its checks found in each, if these do not take longer. */
const SILENT_TICKS = 6;

/** The same where what it does before it says something takes up to so many milliseconds. */
export function silentTicks(mayTakeMs: number): number {
  return Math.max(SILENT_TICKS, 3 + Math.ceil(mayTakeMs / TICK_MS));
}
