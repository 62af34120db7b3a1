import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const SAMPLE_MS = 100;

/**
 * Tells again and again by how much the turns of the event loop have come late, on average since the last time.
 *
 * @param tell is given milliseconds
 * @returns stops it
 */
export function watchEventLoopDelay(tell: (delayMs: number) => void): () => void {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const timer = setInterval(() => {
    // A histogram that was reset begins to measure at the next turn. When each turn takes longer than this timer
    // nothing is measured yet, and to reset it again would be never to see that.
    if (histogram.count === 0) return;
    // What is measured is the time between two turns, of which the resolution was meant.
    const meanMs = histogram.mean / 1e6 - RESOLUTION_MS;
    histogram.reset();
    tell(Math.max(0, meanMs));
  }, SAMPLE_MS).unref();
  return () => {
    clearInterval(timer);
    histogram.disable();
  };
}
