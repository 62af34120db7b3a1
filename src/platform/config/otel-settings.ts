/** The samplers of OpenTelemetry that there are here. */
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** How traces are sampled: `OTEL_TRACES_SAMPLER`, and the share of `OTEL_TRACES_SAMPLER_ARG`. */
export interface Sampling {
  readonly sampler: (typeof SAMPLERS)[number];
  /** From 0 to 1. */
  readonly ratio: number;
}

/** How spans wait for the exporter, and go to it together. */
export interface Batching {
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
  /** Milliseconds, as the next one. */
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
}

/** How traces are exported, as the standard variables of OpenTelemetry say. What is not here, the exporter reads itself. */
export interface OtelSettings {
  readonly sampling: Sampling;
  readonly batching: Batching;
  /** What was set and is not followed, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Reads the variables of OpenTelemetry that say whether traces are exported.
 *
 * @param problems is told of what cannot be meant
 * @returns `null` if they are not: no endpoint is set, or `OTEL_SDK_DISABLED` or `OTEL_TRACES_EXPORTER` says so
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function readOtelSettings(
  source: Readonly<Record<string, string | undefined>>,
  problems: string[],
): OtelSettings | null {
  const read = (name: string): string | null => {
    const value = source[name]?.trim() ?? '';
    return value === '' ? null : value;
  };
  const exporter = read('OTEL_TRACES_EXPORTER');
  const endpoints = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  const set = endpoints.filter((name) => read(name) !== null);
  const off = read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || exporter === 'none';
  if (off || (set.length === 0 && exporter !== 'otlp')) return null;
  for (const name of set) {
    const path = name === 'OTEL_EXPORTER_OTLP_ENDPOINT' ? APPENDED : '';
    // A blank at its end would have the exporter go elsewhere, and not say so.
    if (!isHttpUrl(read(name) ?? '') || !URL.canParse(`${source[name]}${path}`)) {
      problems.push(`${name} must be an http(s) URL, such as http://localhost:4318`);
    }
  }
  const warnings: string[] = [];
  if (exporter !== null && exporter !== 'otlp') {
    warnings.push(`OTEL_TRACES_EXPORTER ${exporter} is not supported: traces are exported by otlp`);
  }
  const protocol =
    read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? read('OTEL_EXPORTER_OTLP_PROTOCOL');
  if (protocol !== null && protocol !== 'http/protobuf') {
    warnings.push(
      `OTEL_EXPORTER_OTLP_PROTOCOL ${protocol} is not supported: traces are exported by http/protobuf, which collectors take at port 4318`,
    );
  }
  return {
    sampling: readSampling(read, warnings),
    batching: readBatching(read, warnings),
    warnings,
  };
}

/** What is appended to the endpoint of all signals. */
const APPENDED = '/v1/traces';
/** The longest that a timer takes, in milliseconds: a longer one would not wait at all. */
const MOST = 2 ** 31 - 1;

/** What cannot be meant is not followed: of a batch of none the exporter would never come to the end. */
function readBatching(read: (name: string) => string | null, warnings: string[]): Batching {
  const number = (name: string, least: number, otherwise: number): number => {
    const given = read(name);
    const value = given === null ? otherwise : Number(given);
    if (Number.isInteger(value) && value >= least && value <= MOST) return value;
    warnings.push(`${name} must be a whole number from ${least} to ${MOST}: it is ${otherwise}`);
    return otherwise;
  };
  return {
    maxQueueSize: number('OTEL_BSP_MAX_QUEUE_SIZE', 1, 2_048),
    maxExportBatchSize: number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 1, 512),
    scheduledDelayMillis: number('OTEL_BSP_SCHEDULE_DELAY', 0, 5_000),
    exportTimeoutMillis: number('OTEL_BSP_EXPORT_TIMEOUT', 1, 30_000),
  };
}

function readSampling(read: (name: string) => string | null, warnings: string[]): Sampling {
  const wanted = read('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on';
  const known = SAMPLERS.find((one) => one === wanted);
  if (known === undefined) {
    warnings.push(
      `OTEL_TRACES_SAMPLER ${wanted} is not supported: it is parentbased_always_on. There are ${SAMPLERS.join(', ')}`,
    );
  }
  const sampler = known ?? 'parentbased_always_on';
  const given = read('OTEL_TRACES_SAMPLER_ARG');
  if (!sampler.endsWith('traceidratio')) return { sampler, ratio: 1 };
  const ratio = given === null ? 1 : Number(given);
  if (ratio >= 0 && ratio <= 1) return { sampler, ratio };
  warnings.push('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1: it is 1');
  return { sampler, ratio: 1 };
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}
