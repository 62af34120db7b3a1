/**
 * A statement by which those after it in its transaction may take a part of what a statement may (`DATABASE_TIMEOUT_MS`), so
 * that the server gives them up before the driver stops waiting.
 *
 * @param share more than 0, less than 1
 */
export function limitTo(share: number): string {
  return `SELECT set_config('statement_timeout',
    (extract(epoch FROM current_setting('statement_timeout')::interval) * 1000 * ${share})::int::text, true)`;
}
