import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { runCommand } from '../../clients/command.js';
import { keptHelm } from './kept-tools.js';

export const CHART = fileURLToPath(new URL('../../../deploy/helm/mandate', import.meta.url));

/** The version of Kubernetes that charts are rendered for: a helm that is built here says an old one. */
export const KUBERNETES = '1.37';

/** The files of values that the chart is tried with, by name, such as `minimal`. */
export const VALUE_FILES: readonly string[] = readdirSync(join(CHART, 'ci'))
  .filter((name) => name.endsWith('-values.yaml'))
  .map((name) => name.replace(/-values\.yaml$/, ''));

/** One object of Kubernetes. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly spec: Record<string, unknown>;
  readonly data?: Readonly<Record<string, string>>;
  readonly automountServiceAccountToken?: boolean;
}

/** What every object has. */
export interface Metadata {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A template of pods, as far as tests look at it. */
export interface PodTemplate {
  readonly metadata: Omit<Metadata, 'name'>;
  readonly spec: PodSpec;
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly Volume[];
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: Record<string, unknown>;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly securityContext: Record<string, unknown>;
  readonly resources: Record<string, unknown>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

export interface Volume {
  readonly name: string;
  readonly projected?: {
    readonly defaultMode: number;
    readonly sources: readonly {
      readonly secret: {
        readonly name: string;
        readonly items: readonly { readonly key: string; readonly path: string }[];
      };
    }[];
  };
}

/** What helm answered. */
export interface Rendered {
  readonly code: number | null;
  readonly said: string;
  readonly manifests: readonly Manifest[];
}

/** Runs helm on the chart. */
export async function helm(...args: readonly string[]) {
  const command = { file: await keptHelm(), args: [...args], cwd: CHART };
  return runCommand(command, 120);
}

/**
 * Renders the chart as release `rel` in namespace `sts`.
 *
 * @param values a file of `ci/`, and what is set beside it (`helm --set-json`)
 */
export async function render(
  values: string | null,
  set: Readonly<Record<string, unknown>> = {},
): Promise<Rendered> {
  const file = values === null ? [] : ['-f', `ci/${values}-values.yaml`];
  const more = Object.entries(set).flatMap(([name, value]) => [
    '--set-json',
    `${name}=${JSON.stringify(value)}`,
  ]);
  const asked = ['template', 'rel', '.', '--namespace', 'sts', '--kube-version', KUBERNETES];
  const { code, stdout, stderr } = await helm(...asked, ...file, ...more);
  const documents = code === 0 ? parseAllDocuments(stdout) : [];
  const manifests = documents
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
  return { code, said: `${stdout}${stderr}`, manifests };
}

/** The manifests of a file of values. @throws if the chart refuses them */
export async function manifestsOf(
  values: string,
  set: Readonly<Record<string, unknown>> = {},
): Promise<readonly Manifest[]> {
  const { code, said, manifests } = await render(values, set);
  if (code !== 0) throw new Error(`helm refuses ${values}: ${said}`);
  return manifests;
}

/** Those of one kind. */
export function ofKind(manifests: readonly Manifest[], kind: string): Manifest[] {
  return manifests.filter((manifest) => manifest.kind === kind);
}

/** The template of the pods of a Deployment or a Job. */
export function podsOf(manifest: Manifest | undefined): PodTemplate {
  if (manifest === undefined) throw new Error('there is no such manifest');
  return manifest.spec['template'] as PodTemplate;
}

/** The container of the server. */
export function serverOf(manifests: readonly Manifest[]): Container {
  const [server] = podsOf(ofKind(manifests, 'Deployment')[0]).spec.containers;
  if (server === undefined) throw new Error('there is no container');
  return server;
}

/** The environment of a container, of which all values are plain. */
export function environmentOf(container: Container): Record<string, string> {
  return Object.fromEntries(
    container.env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
  );
}

/** The values of the chart, as it brings them. */
export function defaultValues(): Record<string, unknown> {
  return parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Record<string, unknown>;
}
