import { createHash, randomUUID } from 'node:crypto';
import { auditOf, type Replica } from './harness.js';
import { callAdmin, type Answer, type TestZone } from './zone.js';

/** A policy version, as far as tests look at it. */
export interface PolicyVersionView {
  readonly id: string;
  readonly policy_id: string;
  readonly version: number;
  readonly sha256: string;
}

/** A policy set version, as far as tests look at it. */
export interface SetVersionView {
  readonly id: string;
  readonly policy_set_id: string;
  readonly version: number;
  readonly manifest_sha256: string;
}

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export const DENY_ALL = '@id("no") forbid (principal, action, resource);';

/** Writes a policy with one version. */
export async function newPolicy(
  zone: TestZone,
  content: string,
  more: object = {},
): Promise<PolicyVersionView> {
  const policy = { name: `policy ${randomUUID()}`, content, ...more };
  const { version } = await zone.admin('POST', '/policies', policy);
  return version as PolicyVersionView;
}

/** Makes a set of new policies with these texts, and a version of it. It is not active yet. */
export async function newSetVersion(
  zone: TestZone,
  ...contents: readonly string[]
): Promise<SetVersionView> {
  const versions: PolicyVersionView[] = [];
  for (const content of contents) versions.push(await newPolicy(zone, content));
  const { id } = await zone.admin('POST', '/policy-sets', { name: `set ${randomUUID()}` });
  const version = await zone.admin('POST', `/policy-sets/${String(id)}/versions`, {
    policy_version_ids: versions.map((each) => each.id),
  });
  return version as unknown as SetVersionView;
}

/** Activates a set version at any replica, with `If-Match` if given. */
export async function activate(
  replica: Replica,
  zoneId: string,
  setVersionId: string,
  ifMatch?: string,
): Promise<Answer> {
  const path = `/zones/${zoneId}/policy`;
  const body = { policy_set_version_id: setVersionId };
  if (ifMatch === undefined) return callAdmin(replica, 'PUT', path, body);
  const response = await fetch(`${replica.url}/internal${path}`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${replica.adminToken}`,
      'content-type': 'application/json',
      'if-match': ifMatch,
    },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
    requestId: response.headers.get('x-request-id') ?? '',
  };
}

/** The value of a metric with these labels; 0 if there is none. */
export async function metric(
  replica: Replica,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const figures = (await (await fetch(`${replica.url}/metrics.json`)).json()) as {
    name: string;
    values: { value: number; labels: Record<string, string> }[];
  }[];
  const values = figures.find((each) => each.name === name)?.values ?? [];
  return values
    .filter((each) => Object.entries(labels).every(([key, value]) => each.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

/** What this replica says of the policy of a zone. */
export async function statusAt(replica: Replica, zoneId: string): Promise<Record<string, unknown>> {
  return (await callAdmin(replica, 'GET', `/policy/status/${zoneId}`)).body;
}

/** What an audit event says of policy. */
export interface RecordedPolicy {
  readonly policy_set_version_id: string | null;
  readonly manifest_sha256?: string;
  readonly decisions?: readonly (Record<string, unknown> & {
    readonly resource: string;
    readonly decision: string;
    readonly input: object;
    readonly input_sha256: string;
    readonly determining_policies: readonly object[];
  })[];
}

/** What is on record of the decisions on a request. */
export async function recordedPolicy(replica: Replica, requestId: string): Promise<RecordedPolicy> {
  const [row] = await auditOf(replica.databaseUrl, requestId);
  if (row === undefined) throw new Error('the request is not on record');
  return row.event['policy'] as RecordedPolicy;
}
