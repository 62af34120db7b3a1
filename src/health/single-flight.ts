/**
 * Lets callers who come while a run is under way share it, however long it takes. Whoever gives up
 * waiting does not make room for another run, so that runs cannot pile up behind something that hangs.
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
