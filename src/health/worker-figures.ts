import {
  AggregatorRegistry,
  Registry,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';
import { Topic, type Link } from '../platform/workers/link.js';
import { collectProcessMetrics } from './default-metrics.js';
import { nextFlight } from './single-flight.js';

/** The figures of one process. */
export type Figures = readonly MetricObjectWithValues<MetricValue<string>>[];

/** What a worker asks the primary process for: the figures of all. */
export const ALL_FIGURES = new Topic<null, readonly Figures[]>('figures of all');
/** What the primary process asks a worker for. */
export const OWN_FIGURES = new Topic<null, Figures>('own figures');
/** What a worker that ends has counted. */
export const LAST_FIGURES = new Topic<Figures, null>('last figures');

/** Milliseconds that a worker may take: without those of one that is stuck there are those of the others. */
const ANSWER_MS = 1_000;

/** The types of metrics that only grow. */
const COUNTED: ReadonlySet<string> = new Set(['counter', 'histogram', 'summary']);

/** How figures of several processes become one, where the sum, or what prom-client does, would be wrong. */
const TOGETHER: Readonly<Record<string, 'min' | 'max'>> = {
  process_start_time_seconds: 'min',
  process_max_fds: 'min',
  nodejs_eventloop_lag_seconds: 'max',
  nodejs_eventloop_lag_mean_seconds: 'max',
  nodejs_eventloop_lag_stddev_seconds: 'max',
  nodejs_eventloop_lag_p50_seconds: 'max',
  nodejs_eventloop_lag_p90_seconds: 'max',
  nodejs_eventloop_lag_p99_seconds: 'max',
};

/**
 * The figures of several processes as those of one. What is counted is added up, and what is a share, an age or a
 * delay is that of the process that has most of it (`aggregator` of each gauge). A gauge of which the least counts,
 * such as a time, is 0 where there is none, and that is the least only if all say so.
 */
export function together(all: readonly Figures[]): Registry {
  const prepared = all.map((figures) =>
    figures.map((metric) => ({
      ...metric,
      aggregator: TOGETHER[metric.name] ?? metric.aggregator,
    })),
  );
  const named = new Set(
    prepared.flatMap((metrics) =>
      metrics
        .filter(({ values }) => values.some(({ value }) => value !== 0))
        .map(({ name }) => name),
    ),
  );
  return AggregatorRegistry.aggregate(
    prepared.map((metrics) =>
      metrics.map((metric) =>
        metric.aggregator === 'min' && named.has(metric.name)
          ? { ...metric, values: metric.values.filter(({ value }) => value !== 0) }
          : metric,
      ),
    ),
  );
}

/** The primary process's side: the figures of all workers that there are, and were. */
export class WorkerFigures {
  private readonly workers = new Map<Link, Figures>();
  /** What those have counted that are gone: a counter that falls would look as if it had begun anew. */
  private gone: Figures[] = [];
  private adding: Promise<void> | null = null;
  private readonly own = new Registry();
  private readonly all = nextFlight(() => this.collect());

  constructor() {
    collectProcessMetrics(this.own);
  }

  /**
   * Answers what a worker asks.
   *
   * @returns notes that it is gone
   */
  serve(worker: Link): () => void {
    this.workers.set(worker, []);
    worker.answer(ALL_FIGURES, this.all);
    worker.answer(LAST_FIGURES, (figures) => {
      this.workers.set(worker, figures);
      return null;
    });
    return () => {
      const last = this.workers.get(worker) ?? [];
      this.workers.delete(worker);
      this.gone.push(last.filter(({ type }) => COUNTED.has(String(type))));
    };
  }

  private async collect(): Promise<readonly Figures[]> {
    await Promise.all([...this.workers.keys()].map((worker) => this.ask(worker)));
    const own = await this.own.getMetricsAsJSON();
    if (this.gone.length > 1) {
      this.adding ??= this.addUp().finally(() => (this.adding = null));
      await this.adding;
    }
    return [own, ...this.gone, ...this.workers.values()];
  }

  private async ask(worker: Link): Promise<void> {
    const asked = worker.ask(OWN_FIGURES, null).catch(() => null);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => (timer = setTimeout(resolve, ANSWER_MS, null)));
    const figures = await Promise.race([asked, late]);
    clearTimeout(timer);
    // One that is gone by now was counted among those already.
    if (figures !== null && this.workers.has(worker)) this.workers.set(worker, figures);
  }

  private async addUp(): Promise<void> {
    const added = this.gone;
    const sum = await together(added).getMetricsAsJSON();
    this.gone = [sum, ...this.gone.filter((one) => !added.includes(one))];
  }
}
