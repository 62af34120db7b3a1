import { persistently } from './patience.js';
import { callAdmin, type Answer, type TestZone } from './zone.js';

/** Orders that something is taken back, as an operator; `query` such as `?dry_run=true`. */
export function order(
  zone: TestZone,
  target: object,
  { query = '', body = {}, headers = {} }: OrderOptions = {},
): Promise<Answer> {
  return persistently(() =>
    callAdmin(
      zone.replica,
      'POST',
      `/zones/${zone.zoneId}/revocations${query}`,
      { target, reason: 'a test', ...body },
      headers,
    ),
  );
}

export interface OrderOptions {
  readonly query?: string;
  readonly body?: object;
  readonly headers?: Record<string, string>;
}
