/** Whether a promise is settled at this moment. */
export function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => value !== pending,
    () => true,
  );
}

/**
 * Waits for one thing, and fails if another was over first.
 *
 * Order instead of milliseconds: `other` is what would have been waited for if something were wrong, and
 * a machine that is busy delays both.
 */
export async function before<T>(first: Promise<T>, other: Promise<unknown>): Promise<T> {
  const value = await first;
  if (await isSettled(other)) throw new Error('what should have come later was over first');
  return value;
}
