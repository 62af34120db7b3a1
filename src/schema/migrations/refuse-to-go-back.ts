/**
 * The `down` of every migration: refuses. What a newer version stored cannot be told apart from what an
 * older one would have, and triggers would not come back with a table that is made again.
 *
 * @throws always
 */
export function refuseToGoBack(): Promise<never> {
  return Promise.reject(
    new Error('migrations only go forward: the way back is a backup of the database'),
  );
}
