import { describe, expect, test } from 'vitest';
import { readOtelSettings } from './otel-settings.js';

const URL = 'http://localhost:4318';
const BATCHING = {
  maxQueueSize: 2_048,
  maxExportBatchSize: 512,
  scheduledDelayMillis: 5_000,
  exportTimeoutMillis: 30_000,
};

function read(source: Record<string, string>) {
  const problems: string[] = [];
  return { settings: readOtelSettings(source, problems), problems };
}

describe('traces are exported', () => {
  test.each([
    [{}],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    [{ OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_SDK_DISABLED: 'TRUE' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_TRACES_EXPORTER: 'none' }],
  ])('not with %j', (source) => {
    expect(read(source)).toEqual({ settings: null, problems: [] });
  });

  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL }],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${URL}/v1/traces` }],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_SDK_DISABLED: 'false' }],
  ])('with %j, each of them', (source) => {
    const sampling = { sampler: 'parentbased_always_on', ratio: 1 };
    const settings = { sampling, batching: BATCHING, warnings: [] };
    expect(read(source)).toEqual({ settings, problems: [] });
  });

  test.each(['localhost:4318', 'ftp://collector', 'http://', 'collector', `${URL} `])(
    'and not to %s, which is a mistake',
    (endpoint) => {
      expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }).problems).toEqual([
        'OTEL_EXPORTER_OTLP_ENDPOINT must be an http(s) URL, such as http://localhost:4318',
      ]);
    },
  );
});

describe('sampling', () => {
  test.each([
    [
      { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' },
      'traceidratio',
      0.25,
    ],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' }, 'parentbased_traceidratio', 1],
    [{ OTEL_TRACES_SAMPLER: 'always_off', OTEL_TRACES_SAMPLER_ARG: 'x' }, 'always_off', 1],
  ])('is as %j says', (source, sampler, ratio) => {
    const { settings } = read({ OTEL_EXPORTER_OTLP_ENDPOINT: URL, ...source });
    expect(settings).toMatchObject({ sampling: { sampler, ratio }, warnings: [] });
  });

  test.each([
    [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, /OTEL_TRACES_SAMPLER jaeger_remote .*traceidratio/],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' }, /from 0 to 1/],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: 'half' }, /from 0 to 1/],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /grpc .*4318/],
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, /zipkin/],
  ])('what is not supported is told, and not followed: %j', (source, told) => {
    const { settings, problems } = read({ OTEL_EXPORTER_OTLP_ENDPOINT: URL, ...source });
    expect(problems).toEqual([]);
    expect(settings?.sampling.ratio).toBe(1);
    expect(settings?.warnings).toEqual([expect.stringMatching(told)]);
  });
});

describe('spans wait for the exporter', () => {
  test('as is said', () => {
    const { settings } = read({
      OTEL_EXPORTER_OTLP_ENDPOINT: URL,
      OTEL_BSP_MAX_QUEUE_SIZE: '100',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
      OTEL_BSP_SCHEDULE_DELAY: '0',
      OTEL_BSP_EXPORT_TIMEOUT: '1',
    });
    const batching = {
      maxQueueSize: 100,
      maxExportBatchSize: 10,
      scheduledDelayMillis: 0,
      exportTimeoutMillis: 1,
    };
    expect(settings).toMatchObject({ batching, warnings: [] });
  });

  test.each([
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '0'],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '-1'],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '0.5'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', 'Infinity'],
    ['OTEL_BSP_SCHEDULE_DELAY', '5s'],
    ['OTEL_BSP_SCHEDULE_DELAY', '99999999999'],
    ['OTEL_BSP_EXPORT_TIMEOUT', '0'],
  ])('not as %s %s says, which cannot be meant', (name, value) => {
    const { settings, problems } = read({ OTEL_EXPORTER_OTLP_ENDPOINT: URL, [name]: value });
    expect(problems).toEqual([]);
    expect(settings?.batching).toEqual(BATCHING);
    expect(settings?.warnings).toEqual([expect.stringContaining(`${name} must be`)]);
  });
});
