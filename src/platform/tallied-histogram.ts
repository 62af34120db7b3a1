import { Histogram, type HistogramConfiguration } from 'prom-client';

/** The observations of one label value. */
export interface Tally {
  observe(value: number): void;
}

/** Counts by the first bound that each observation does not exceed; the last is of those beyond all. */
class Counts implements Tally {
  readonly ofBuckets: number[];
  sum = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.ofBuckets = [...bounds.map(() => 0), 0];
  }

  observe(value: number): void {
    const { bounds, ofBuckets } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1;
    ofBuckets[bucket] = (ofBuckets[bucket] ?? 0) + 1;
    this.sum += value;
  }
}

/**
 * A histogram with one label. The library finds the counts of a label value anew at each observation, of which a request
 * makes a dozen: here they are at hand, and put into the library's form when somebody reads them. Only what a {@link tally} is
 * told counts: `observe`, `labels` and `reset` are the library's, which does not read its own counts here.
 */
export class TalliedHistogram<T extends string> extends Histogram<T> {
  private readonly tallies = new Map<string, Counts>();

  constructor(
    private readonly configuration: Omit<HistogramConfiguration<T>, 'labelNames' | 'buckets'> & {
      readonly labelNames: readonly [T];
      readonly buckets: readonly number[];
    },
  ) {
    super({ ...configuration, buckets: [...configuration.buckets] });
  }

  /** The tally of a label value, the same each time. */
  tally(value: string): Tally {
    const known = this.tallies.get(value);
    if (known !== undefined) return known;
    const counts = new Counts(this.configuration.buckets);
    this.tallies.set(value, counts);
    return counts;
  }

  /** What the library reads, also for `get`. */
  getForPromString(): Promise<object> {
    const { name, help, aggregator = 'sum' } = this.configuration;
    const values = [...this.tallies].flatMap(([value, counts]) => this.valuesOf(value, counts));
    return Promise.resolve({ name, help, type: 'histogram', values, aggregator });
  }

  private valuesOf(value: string, { ofBuckets, sum }: Counts): object[] {
    const { name, buckets, labelNames } = this.configuration;
    let count = 0;
    const upTo = ofBuckets.map((more) => (count += more));
    if (count === 0) return [];
    const say = (suffix: string, said: number, labels: object) => ({
      metricName: `${name}_${suffix}`,
      labels,
      sharedLabels: { [labelNames[0]]: value },
      value: said,
    });
    return [
      ...upTo.map((most, n) => say('bucket', most, { le: buckets[n] ?? '+Inf' })),
      say('sum', sum, {}),
      say('count', count, {}),
    ];
  }
}
