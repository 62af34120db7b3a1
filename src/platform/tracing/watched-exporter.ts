import type { Logger } from 'pino';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';

type Export = SpanExporter['export'];
type Result = Parameters<Parameters<Export>[1]>[0];

/** The code of a result that is a success. */
const SUCCESS: Result['code'] = 0;

/** An exporter that logs one line when what it exports is not taken any more, and one when it is again. */
export class WatchedExporter implements SpanExporter {
  private lost: number | null = null;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly logger: Pick<Logger, 'warn' | 'info'>,
  ) {}

  export(spans: ReadableSpan[], done: (result: Result) => void): void {
    this.exporter.export(spans, (result) => {
      this.note(spans.length, result);
      done(result);
    });
  }

  async forceFlush(): Promise<void> {
    await this.exporter.forceFlush?.();
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  private note(count: number, { code, error }: Result): void {
    if (code === SUCCESS) {
      if (this.lost !== null) this.logger.info({ lost: this.lost }, 'traces are exported again');
      this.lost = null;
      return;
    }
    if (this.lost === null) {
      // The message of an error may have the endpoint in it, with a key of whoever is behind it.
      const reason = error === undefined ? {} : { reason: codeOf(error) };
      this.logger.warn(reason, 'traces cannot be exported: they are dropped until they can');
    }
    this.lost = (this.lost ?? 0) + count;
  }
}

function codeOf(error: Error): string {
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' || typeof code === 'number' ? String(code) : error.name;
}
