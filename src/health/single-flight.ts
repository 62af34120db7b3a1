/**
 * A function whose concurrent callers share one run, however long it takes. A caller that gives up
 * waiting does not start another run, so that runs cannot pile up behind something that hangs.
 */
export function singleFlight<T>(run: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= run().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}
