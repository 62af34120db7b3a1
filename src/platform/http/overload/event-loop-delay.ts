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
    // What is measured is the time between two turns, of which the resolution was meant. Without any it is NaN.
    const meanMs = histogram.mean / 1e6 - RESOLUTION_MS;
    histogram.reset();
    tell(Number.isNaN(meanMs) ? 0 : Math.max(0, meanMs));
  }, SAMPLE_MS).unref();
  return () => {
    clearInterval(timer);
    histogram.disable();
  };
}
