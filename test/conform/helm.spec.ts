/** The chart of deploy/helm: what helm renders of it, the schemas of Kubernetes, and what has to hold of each pod. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { readEnv } from '../../src/platform/config/read-env.js';
import { VARIABLES } from '../../src/platform/config/environment-variables.js';
import { killCommands } from '../clients/command.js';
import {
  environmentOf,
  helm,
  KUBERNETES,
  manifestsOf,
  ofKind,
  podsOf,
  render,
  serverOf,
  VALUE_FILES,
  type Container,
  type Manifest,
  type PodTemplate,
} from './kubernetes/chart.js';
import { keptDefinitions, keptHelm, keptSchemas } from './kubernetes/kept-tools.js';
import { placePod } from './kubernetes/pod-files.js';
import { problemsBySchema } from './kubernetes/schemas.js';
import { prepared } from './kubernetes/skip-unreachable.js';
import { describeWith, GO, PYTHON } from './tools.js';

/** The oldest version that the chart takes, and the newest that its schemas are known of. */
const VERSIONS = ['1.27', KUBERNETES];

/** What Node.js itself reads. */
const OF_NODE = ['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS'];

/** Variables that hold a secret. VAULT_TOKEN is none: there is its file alone. */
const SECRETS = [
  'DATABASE_URL',
  'KEY_ENCRYPTION_KEY',
  'KEY_ENCRYPTION_KEY_PREVIOUS',
  'ADMIN_TOKEN',
  'GATEWAY_HMAC_KEY',
  'METRICS_TOKEN',
  'REDIS_URL',
  'STREAMS_HMAC_KEY',
];

/** A value of each secret that the server takes. */
const HEX = '2f9c1d70b1a64e5b8e0f3a7c6d5b4a3928170655f4e3d2c1b0a99887766554ab';
const PREVIOUS = '7be10c55d2f94a08a3c6e1b7f0d8924c5a6b3e2f1d0c9b8a7766554433221100';
const TAKEN: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://mandate:x@postgres/mandate',
  KEY_ENCRYPTION_KEY: HEX,
  KEY_ENCRYPTION_KEY_PREVIOUS: PREVIOUS,
  ADMIN_TOKEN: 'an-admin-token-of-a-test',
  GATEWAY_HMAC_KEY: HEX,
  METRICS_TOKEN: 'a-metrics-token-of-a-test',
  REDIS_URL: 'redis://redis:6379/0',
  STREAMS_HMAC_KEY: HEX,
  VAULT_TOKEN: 'a-token',
};

describeWith([GO, PYTHON], 'the chart', () => {
  const tools = prepared(async () => {
    const [, schemas, definitions] = [
      await keptHelm(),
      await keptSchemas(),
      await keptDefinitions(),
    ];
    return { schemas, definitions };
  });
  afterAll(killCommands);

  test('passes helm lint --strict, with its own values and with each file of ci/', async () => {
    const files = VALUE_FILES.map((name) => ['-f', `ci/${name}-values.yaml`]);
    for (const values of [[], ...files]) {
      const asked = ['lint', '--strict', '.', '--kube-version', KUBERNETES];
      const { code, stdout, stderr } = await helm(...asked, ...values);
      expect({ code, said: `${stdout}${stderr}` }).toMatchObject({ code: 0 });
    }
  });

  describe.each(VALUE_FILES)('with the values %s', (values) => {
    let manifests: readonly Manifest[] = [];
    // Before each, and so not where the tests are skipped.
    beforeEach(async () => {
      if (manifests.length === 0) manifests = await manifestsOf(values);
    });

    test.each(VERSIONS)('is what Kubernetes %s takes, field by field', (version) => {
      expect(problemsBySchema(manifests, version, tools())).toEqual([]);
    });

    test('has names and labels that an API server takes', () => {
      for (const { kind, metadata } of manifests) {
        expect([kind, metadata.name]).toEqual([
          kind,
          expect.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/),
        ]);
        for (const value of Object.values(metadata.labels ?? {})) {
          expect(value).toMatch(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/);
        }
      }
    });

    test('has no secret in the environment, and none in what is no Secret', () => {
      for (const container of containersOf(manifests)) {
        for (const { name } of container.env) expect(SECRETS).not.toContain(name);
      }
      const others = manifests.filter(({ kind }) => kind !== 'Secret');
      expect(JSON.stringify(others)).not.toMatch(/hunter2|an-admin-token-of-a-test|2f9c1d70/);
      const files = ofKind(manifests, 'ConfigMap').flatMap(({ data = {} }) => Object.keys(data));
      expect(files).toEqual(values === 'everything' ? ['mandate.json'] : []);
    });

    test('sets variables that the server reads, and no others', () => {
      const known = new Set([...VARIABLES, ...VARIABLES.map((name) => `${name}_FILE`), ...OF_NODE]);
      for (const container of containersOf(manifests)) {
        const names = container.env.map(({ name }) => name).filter((name) => name !== 'POD_NAME');
        expect(names.filter((name) => !known.has(name))).toEqual([]);
        expect(names).toEqual([...new Set(names)]);
      }
    });

    test('gives a Job nothing but the database', () => {
      const names = ofKind(manifests, 'Job')
        .flatMap((job) => podsOf(job).spec.volumes)
        .flatMap(({ projected }) => projected?.sources ?? [])
        .flatMap(({ secret }) => secret.items.map(({ path }) => path));
      expect(new Set(names)).toEqual(new Set(names.length === 0 ? [] : ['DATABASE_URL']));
    });

    test('has an environment that the configuration takes, for each container', () => {
      const folder = mkdtempSync(join(tmpdir(), 'mandate-chart-'));
      try {
        for (const { spec } of templatesOf(manifests)) {
          for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
            if (!container.image.includes('mandate')) continue;
            const env = placePod(spec, container, secretsOf(manifests), folder);
            expect(readEnv(env, { opens: container.name !== 'migrate' })).toMatchObject({
              databaseUrl: expect.stringMatching(/^postgres:/),
            });
          }
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    test('runs as nobody in particular, and writes nowhere but to /tmp', () => {
      const templates = templatesOf(manifests);
      expect(templates.length).toBeGreaterThan(0);
      for (const { spec } of templates) {
        expect(spec).toMatchObject({
          automountServiceAccountToken: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            seccompProfile: { type: 'RuntimeDefault' },
          },
        });
        const ours = spec.containers.filter(({ image }) => image.includes('mandate'));
        expect(ours.length).toBeGreaterThan(0);
        for (const { securityContext, resources } of ours) {
          expect(securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
          expect(resources).toMatchObject({ requests: {}, limits: { memory: expect.anything() } });
        }
        for (const { projected } of spec.volumes) {
          if (projected !== undefined) expect(projected.defaultMode).toBe(0o440);
        }
      }
      for (const account of ofKind(manifests, 'ServiceAccount')) {
        expect(account.automountServiceAccountToken).toBe(false);
      }
    });

    test('is probed at the port where no stranger is, and given the time that a stop may take', () => {
      const container = serverOf(manifests);
      const env = environmentOf(container);
      const port = env['INTERNAL_PORT'] === undefined ? 'public' : 'internal';
      expect(container).toMatchObject({
        startupProbe: { httpGet: { path: '/health', port } },
        livenessProbe: { httpGet: { path: '/health', port } },
        readinessProbe: { httpGet: { path: '/ready', port } },
      });
      const ports = Object.fromEntries(
        (container.ports ?? []).map(({ name, containerPort }) => [name, String(containerPort)]),
      );
      expect(ports).toEqual({
        public: env['PORT'],
        ...(port === 'internal' ? { internal: env['INTERNAL_PORT'] } : {}),
      });
      const { periodSeconds = 0, failureThreshold = 0 } = container.startupProbe ?? {};
      expect(periodSeconds * failureThreshold).toBeGreaterThan(Number(env['START_SECONDS']) + 30);
      const { spec } = podsOf(ofKind(manifests, 'Deployment')[0]);
      expect(spec.terminationGracePeriodSeconds).toBe(
        Number(env['DRAIN_SECONDS']) + Number(env['STOP_SECONDS']) + 5,
      );
    });

    test('selects the pods of the server, and neither those of the Job nor those of a test', () => {
      const [deployment] = ofKind(manifests, 'Deployment');
      const { labels = {} } = podsOf(deployment).metadata;
      const selectors = [
        matchLabels(deployment?.spec['selector']),
        ...ofKind(manifests, 'Service').map(({ spec }) => spec['selector']),
        ...ofKind(manifests, 'PodDisruptionBudget').map(({ spec }) =>
          matchLabels(spec['selector']),
        ),
        ...ofKind(manifests, 'NetworkPolicy')
          .filter(({ metadata }) => !metadata.name.endsWith('-migrate'))
          .map(({ spec }) => matchLabels(spec['podSelector'])),
      ];
      expect(selectors.length).toBeGreaterThan(1);
      const others = [
        ...ofKind(manifests, 'Job').map((job) => podsOf(job).metadata.labels),
        ...ofKind(manifests, 'Pod').map(({ metadata }) => metadata.labels),
      ];
      expect(others.length).toBeGreaterThan(0);
      for (const selector of selectors) {
        expect(labels).toMatchObject(selector as object);
        for (const other of others) expect(other).not.toMatchObject(selector as object);
      }
      for (const { spec } of ofKind(manifests, 'ServiceMonitor')) {
        const wanted = matchLabels(spec['selector']) as object;
        const found = ofKind(manifests, 'Service').filter(({ metadata }) =>
          Object.entries(wanted).every(([name, value]) => metadata.labels?.[name] === value),
        );
        expect(found).toHaveLength(1);
      }
    });
  });

  test('a change of a secret that is given by value replaces the pods', async () => {
    const checksumOf = (manifests: readonly Manifest[]) =>
      podsOf(ofKind(manifests, 'Deployment')[0]).metadata.annotations?.['checksum/secret'];
    const one = checksumOf(await manifestsOf('values-secret'));
    const other = checksumOf(
      await manifestsOf('values-secret', { 'secrets.adminToken.value': 'another-admin-token' }),
    );
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(other).not.toBe(one);
  });

  test('the dashboard is found by the sidecar of Grafana, and is the one of deploy/grafana', async () => {
    const [map] = ofKind(await manifestsOf('everything'), 'ConfigMap');
    expect(map?.metadata).toMatchObject({
      labels: { grafana_dashboard: '1' },
      annotations: { grafana_folder: 'Identity' },
    });
    const kept = fileURLToPath(new URL('../../deploy/grafana/mandate.json', import.meta.url));
    expect(map?.data?.['mandate.json']).toBe(readFileSync(kept, 'utf8').trim());
    expect(ofKind(await manifestsOf('minimal'), 'ConfigMap')).toEqual([]);
  });

  test('what runs beside the server for a while is on its nodes, however its pods keep apart', async () => {
    const manifests = await manifestsOf('everything');
    const [server] = ofKind(manifests, 'Deployment').map(podsOf);
    const { nodeSelector, tolerations, affinity } = placementOf(server?.spec);
    expect(affinity).toMatchObject({ nodeAffinity: {}, podAntiAffinity: {} });
    const others = [
      ...ofKind(manifests, 'Job').map((job) => podsOf(job).spec),
      ...ofKind(manifests, 'Pod').map(({ spec }) => spec),
    ];
    expect(others).toHaveLength(2);
    for (const other of others) {
      expect(placementOf(other)).toEqual({
        nodeSelector,
        tolerations,
        affinity: { nodeAffinity: affinity?.['nodeAffinity'] },
      });
    }
  });

  test('helm test reaches the public port, whoever else may', async () => {
    const manifests = await manifestsOf('everything');
    const [pod] = ofKind(manifests, 'Pod');
    const [policy] = ofKind(manifests, 'NetworkPolicy').filter(
      ({ metadata }) => !metadata.name.endsWith('-migrate'),
    );
    const [open] = (policy?.spec['ingress'] ?? []) as { from: { podSelector?: unknown }[] }[];
    expect(open?.from).toHaveLength(2);
    const selected = open?.from.flatMap(({ podSelector }) =>
      podSelector === undefined ? [] : [matchLabels(podSelector)],
    );
    expect(selected).toHaveLength(1);
    expect(pod?.metadata.labels).toMatchObject(selected?.[0] as object);
  });

  test('the version of the chart is that of the program', async () => {
    const { version } = JSON.parse(
      readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'),
    ) as { version: string };
    expect(serverOf(await manifestsOf('minimal')).image).toBe(`mandate:${version}`);
  });

  test('a schema that is not kept to is found', async () => {
    const [deployment] = ofKind(await manifestsOf('minimal'), 'Deployment');
    const spec = { ...deployment?.spec, replica: 2 };
    const wrong = [{ ...deployment, spec } as Manifest];
    expect(problemsBySchema(wrong, KUBERNETES, tools())).toEqual([
      expect.stringContaining("'replica' was unexpected"),
    ]);
    const monitors = ofKind(await manifestsOf('everything'), 'ServiceMonitor');
    const misspelt = monitors.map((monitor) => ({
      ...monitor,
      spec: { ...monitor.spec, endpoint: [] },
    }));
    expect(problemsBySchema(misspelt, KUBERNETES, tools())).toEqual([
      expect.stringContaining("'endpoint' was unexpected"),
    ]);
  });

  test('its own values lack what only you know, and it says what', async () => {
    const { code, said } = await render(null);
    expect(code).toBe(1);
    expect(said).toContain('issuerUrl is not set: say where clients find this installation');
    expect(said).toContain('the image has no embedded database');
    expect(said).toContain('secrets.keyEncryptionKey.existingSecret is not set');
  });
});

function matchLabels(selector: unknown): unknown {
  return (selector as { matchLabels: unknown }).matchLabels;
}

/** On which nodes a pod may be. */
function placementOf(spec: object | undefined) {
  const { nodeSelector, tolerations, affinity } = spec as {
    readonly nodeSelector?: unknown;
    readonly tolerations?: unknown;
    readonly affinity?: Readonly<Record<string, unknown>>;
  };
  return { nodeSelector, tolerations, affinity };
}

/** The templates of all pods that run the image for longer than a test. */
function templatesOf(manifests: readonly Manifest[]): PodTemplate[] {
  return [...ofKind(manifests, 'Deployment'), ...ofKind(manifests, 'Job')].map(podsOf);
}

function containersOf(manifests: readonly Manifest[]): Container[] {
  return templatesOf(manifests)
    .flatMap(({ spec }) => [...spec.containers, ...(spec.initContainers ?? [])])
    .filter(({ image }) => image.includes('mandate'));
}

/** What the Secrets hold that pods mount: those of the chart, and those that are there already. */
function secretsOf(manifests: readonly Manifest[]): Record<string, Record<string, string>> {
  const made = new Map(
    ofKind(manifests, 'Secret').map(({ metadata, data = {} }) => [
      metadata.name,
      Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
      ),
    ]),
  );
  const sources = templatesOf(manifests)
    .flatMap(({ spec }) => spec.volumes)
    .flatMap(({ projected }) => projected?.sources ?? []);
  const secrets: Record<string, Record<string, string>> = {};
  for (const { secret } of sources) {
    // One that the chart makes has what it has; in another one there is what the server takes.
    const own = made.get(secret.name);
    const keys = secret.items.map(({ key, path }) => [key, TAKEN[path] ?? ''] as const);
    secrets[secret.name] = own ?? { ...secrets[secret.name], ...Object.fromEntries(keys) };
  }
  return secrets;
}
