/** Values of the chart that cannot work: each is refused before anything is installed, and told in words. */
import { afterAll, expect, test } from 'vitest';
import { killCommands } from '../clients/command.js';
import { render } from './kubernetes/chart.js';
import { keptHelm } from './kubernetes/kept-tools.js';
import { prepared } from './kubernetes/skip-unreachable.js';
import { describeWith, GO } from './tools.js';

type Case = readonly [what: string, set: Readonly<Record<string, unknown>>, said: string];

/** What is set beside `ci/minimal-values.yaml`, and what helm says of it. */
const CASES: readonly Case[] = [
  ['no issuer', { issuerUrl: '' }, 'issuerUrl is not set'],
  [
    'an issuer with a slash at its end',
    { issuerUrl: 'https://sts.example.com/' },
    'issuerUrl must be an http(s) URL without query, fragment or trailing slash',
  ],
  [
    'several pods without a database',
    { 'secrets.databaseUrl.existingSecret': '', replicaCount: 3 },
    'the image has no embedded database',
  ],
  [
    'no key-encryption key',
    { 'secrets.keyEncryptionKey.existingSecret': '' },
    'secrets.keyEncryptionKey.existingSecret is not set',
  ],
  [
    'one port for both',
    { 'ports.internal': 8080 },
    'ports.internal must be another port than ports.public',
  ],
  ['a port that needs privileges', { 'ports.public': 443 }, "at '/ports/public'"],
  [
    'a secret by value that nobody asked for',
    { 'secrets.adminToken.value': 'an-admin-token-of-a-test' },
    'secrets.adminToken.value is given, and would be in the values of the release',
  ],
  [
    'a secret in two places',
    { 'secrets.create': true, 'secrets.databaseUrl.value': 'postgres://x' },
    'secrets.databaseUrl has both existingSecret and value',
  ],
  [
    'a secret in the environment',
    { extraEnv: [{ name: 'ADMIN_TOKEN', value: 'an-admin-token-of-a-test' }] },
    'extraEnv has ADMIN_TOKEN, which is a secret',
  ],
  [
    'a variable twice',
    { extraEnv: [{ name: 'PORT', value: '1' }] },
    'extraEnv has PORT, which another value sets',
  ],
  [
    'a secret among what is not',
    { 'config.DATABASE_URL': 'postgres://x' },
    "'DATABASE_URL' not allowed",
  ],
  ['a variable that there is not', { 'config.LOG_LEVELS': 'debug' }, "'LOG_LEVELS' not allowed"],
  ['a value that there is not', { replicas: 3 }, "'replicas' not allowed"],
  [
    'a stream without its Redis',
    { 'secrets.streamsHmacKey.existingSecret': 'streams' },
    'secrets.streamsHmacKey is given without secrets.redisUrl',
  ],
  ['Vault without an address', { 'vault.enabled': true }, 'vault.address is not set'],
  ['Vault without a key', { 'vault.enabled': true }, 'vault.transitKey is not set'],
  ['Vault without a token', { 'vault.enabled': true }, 'vault.enabled needs a token'],
  [
    'an address of Vault with a path',
    { 'vault.enabled': true, 'vault.address': 'https://vault:8200/v1' },
    'vault.address must be an http(s) URL without path',
  ],
  [
    'as many processes as a node has cores',
    { workers: null, 'resources.limits': { cpu: null, memory: '1Gi' } },
    'a pod would start a process for each core of its node',
  ],
  [
    'more processes than cores',
    { workers: 4 },
    'workers (4) is more than resources.limits.cpu (2)',
  ],
  [
    'more processes than a fraction of a core',
    { workers: 2, 'resources.limits.cpu': '1000m' },
    'workers (2) is more than resources.limits.cpu (1000m)',
  ],
  [
    'processes without places',
    { workers: 3, 'resources.limits.cpu': 4, 'config.MAX_REQUESTS_IN_FLIGHT': 8 },
    'workers must be at most a fourth of config.MAX_REQUESTS_IN_FLIGHT',
  ],
  [
    'fewer connections than the workers need',
    { databasePoolSize: 34 },
    'databasePoolSize (34) must be at least 35',
  ],
  ['a drain that nobody waits for', { drainSeconds: 61 }, "at '/drainSeconds'"],
  ['a rollout without a pod more', { maxSurge: 0 }, "at '/maxSurge'"],
  [
    'fewer pods at most than at least',
    { 'autoscaling.enabled': true, 'autoscaling.minReplicas': 9 },
    'autoscaling.minReplicas is more than autoscaling.maxReplicas',
  ],
  [
    'scaling by a share of nothing',
    { 'autoscaling.enabled': true, 'resources.requests': { cpu: null } },
    'autoscaling.enabled needs resources.requests.cpu',
  ],
  [
    'a budget that keeps every pod',
    { podDisruptionBudget: { enabled: true, minAvailable: 2, maxUnavailable: null } },
    'no node could be drained',
  ],
  ['a budget of none', { 'podDisruptionBudget.maxUnavailable': 0 }, 'no node could be drained'],
  [
    'two budgets',
    { 'podDisruptionBudget.minAvailable': 1 },
    'podDisruptionBudget needs one of minAvailable and maxUnavailable',
  ],
  [
    "operators' routes for the world",
    { 'ports.internal': null, 'ingress.enabled': true },
    'without it they would publish /internal and /metrics',
  ],
  [
    "operators' routes for whoever reaches a load balancer",
    { 'ports.internal': null, 'service.type': 'LoadBalancer' },
    'without it they would publish /internal and /metrics',
  ],
  [
    'how traffic comes from outside where none does',
    { 'service.externalTrafficPolicy': 'Local' },
    'service.externalTrafficPolicy needs a service.type of LoadBalancer or NodePort',
  ],
  [
    'whom a load balancer lets in that there is not',
    { 'service.loadBalancerSourceRanges': ['10.0.0.0/8'], 'service.type': 'NodePort' },
    'service.loadBalancerSourceRanges needs service.type LoadBalancer',
  ],
  ['a route without a Gateway', { 'httpRoute.enabled': true }, 'httpRoute.parentRefs is empty'],
  [
    'a Prometheus that is shut out',
    { 'serviceMonitor.enabled': true },
    'serviceMonitor.enabled needs networkPolicy.internalFrom',
  ],
  ['an image by half a digest', { 'image.digest': 'sha256:0123' }, "at '/image/digest'"],
];

describeWith([GO], 'the chart refuses', () => {
  prepared(keptHelm);
  afterAll(killCommands);

  test.each(CASES)('%s', async (_, set, said) => {
    const rendered = await render('minimal', set);
    expect(rendered).toMatchObject({ code: 1, manifests: [] });
    expect(rendered.said).toContain(said);
    expect(rendered.said).not.toContain('an-admin-token-of-a-test');
  });

  test('all that is wrong at once', async () => {
    const { said } = await render('minimal', { issuerUrl: '', 'ports.internal': 8080 });
    expect(said).toContain('issuerUrl is not set');
    expect(said).toContain('ports.internal must be another port');
  });

  test.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['one process on half a core', { workers: 1, 'resources.limits.cpu': '500m' }],
    ['a process for each core that it may use', { workers: null }],
    ['no limit of cores', { workers: 4, 'resources.limits': { cpu: null, memory: '1Gi' } }],
    [
      'a budget that lets one go',
      {
        replicaCount: 3,
        podDisruptionBudget: { enabled: true, minAvailable: 2, maxUnavailable: null },
      },
    ],
    ['a drain of a minute', { drainSeconds: 60 }],
    ['as many connections as the workers need', { databasePoolSize: 35 }],
  ])('but not %s', async (_, set) => {
    expect(await render('minimal', set)).toMatchObject({ code: 0 });
  });
});
