import { describe, expect, test } from 'vitest';
import { readOtelSettings } from './otel-settings.js';

const URL = 'http://localhost:4318';

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
    expect(read(source)).toEqual({ settings: { sampling, warnings: [] }, problems: [] });
  });

  test.each(['localhost:4318', 'ftp://collector', 'http://', 'collector'])(
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
    expect(settings).toEqual({ sampling: { sampler, ratio }, warnings: [] });
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
