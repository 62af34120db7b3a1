import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { readManifest } from '../config/manifest.js';
import type { OtelSettings } from '../config/otel-settings.js';
import { findTracer } from './spans.js';

/** Traces that are exported. */
export interface Tracing {
  /**
   * Exports what is left, and stops.
   *
   * @param withinMs milliseconds after which what is left is dropped
   */
  stop(withinMs: number): Promise<void>;
}

/**
 * Begins to make spans, and to export them where the settings say so; only then the SDK of OpenTelemetry is loaded. It has
 * a queue of a fixed length between requests and the exporter, which drops what does not fit: nothing waits for it.
 *
 * @param settings `null` if nothing is exported; spans are still made for an SDK that is there already
 */
export async function startTracing(
  settings: OtelSettings | null,
  logger: Logger,
): Promise<Tracing | null> {
  const { version } = readManifest();
  if (settings === null) {
    findTracer(version);
    return null;
  }
  for (const warning of settings.warnings) logger.warn(warning);
  const [api, base, { AsyncLocalStorageContextManager }, resources, { OTLPTraceExporter }, core] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/context-async-hooks'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/exporter-trace-otlp-proto'),
      import('@opentelemetry/core'),
    ]);
  const { samplerFor } = await import('./sampler.js');
  const { WatchedExporter } = await import('./watched-exporter.js');
  // What fails there is told by the exporter, once.
  core.setGlobalErrorHandler(() => {});
  const ours = resources.resourceFromAttributes({
    'service.name': 'mandate',
    'service.version': version,
    'service.instance.id': randomUUID(),
  });
  const detectors = [resources.envDetector];
  const provider = new base.BasicTracerProvider({
    resource: ours.merge(resources.detectResources({ detectors })),
    sampler: samplerFor(settings.sampling),
    spanProcessors: [
      new base.BatchSpanProcessor(
        new WatchedExporter(new OTLPTraceExporter(), logger),
        settings.batching,
      ),
    ],
  });
  api.trace.setGlobalTracerProvider(provider);
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  findTracer(version);
  return { stop: (withinMs) => atMost(provider.shutdown(), withinMs) };
}

/** Waits for something, but not for longer than that, and whatever becomes of it. */
function atMost(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const over = (): void => {
      clearTimeout(timer);
      resolve();
    };
    work.then(over, over);
  });
}
