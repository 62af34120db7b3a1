import type { PoolClient } from 'pg';
import { inSpan, isRecording, isTracing, SpanKind } from '../tracing/spans.js';
import { summarize } from '../tracing/statement-summary.js';

/** Makes each statement of a connection a span, where what sends it is in one. Without tracing the connection is left as it is. */
export function traceQueries(client: PoolClient): void {
  if (!isTracing()) return;
  const query: (...parameters: unknown[]) => unknown = client.query.bind(client);
  const traced = (...parameters: unknown[]): unknown => {
    const [statement] = parameters;
    const waits = typeof parameters.at(-1) !== 'function';
    if (typeof statement !== 'string' || !waits || !isRecording()) return query(...parameters);
    const { operation, summary } = summarize(statement);
    const attributes = {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
      'db.query.summary': summary,
    };
    return inSpan(summary, async () => query(...parameters), attributes, SpanKind.CLIENT);
  };
  Object.assign(client, { query: traced });
}
