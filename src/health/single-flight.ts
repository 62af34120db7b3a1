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

/**
 * A function of which one run is under way at a time. Those who call meanwhile share the next one: what is under way
 * was begun before they called, and may lack what they have seen.
 */
export function nextFlight<T>(run: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | null = null;
  return () => {
    next ??= underWay.then(() => {
      next = null;
      const begun = run();
      underWay = begun.catch(() => {});
      return begun;
    });
    return next;
  };
}
