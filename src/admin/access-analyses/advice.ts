import type { EntityManager } from 'typeorm';
import { manifestSha256 } from '../../policy/engine/compile.js';
import { loadModules } from '../../policy/engine/load-modules.js';
import type { Zone } from '../../zones/zone.entity.js';
import { isComplete } from '../log-scans/scan-view.js';
import { changesOf, type ReplayProgress } from '../policy-replays/replay-progress.js';
import type { AccessAnalysis } from './access-analysis.entity.js';
import { toView, type AccessAnalysisView } from './access-analysis-view.js';
import type {
  Findings,
  TooYoung,
  UnusedClient,
  UnusedClientScopes,
  UnusedDelegation,
  UnusedResource,
  UnusedScopes,
  WideClient,
} from './findings.js';
import { countTooYoung, findUnused } from './find-unused.js';
import { leastPrivilegePolicy, type UnusedAccess } from './least-privilege-policy.js';

const DAY_MS = 86_400_000;

/** A request that would take away what is not used. Nothing makes it but whoever reads it. */
export interface AdvisedRequest {
  readonly method: 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body: AdvisedChange | null;
}

/** What would change of a client. */
export interface AdvisedChange {
  readonly disabled?: true;
  readonly scopes?: readonly string[];
  readonly audience?: readonly string[];
}

/** A client that has used nothing, and what disables it. */
export interface AdvisedUnusedClient extends UnusedClient {
  readonly request: AdvisedRequest;
}

/** A client that may be granted more than it uses, and what takes that away. */
export interface AdvisedWideClient extends WideClient {
  readonly request: AdvisedRequest;
}

/** A delegation that is not used, and what revokes it; `null` where a part of it is used. */
export interface AdvisedDelegation extends UnusedDelegation {
  readonly request: AdvisedRequest | null;
}

/** What could be taken away without anybody noticing, by what was used. */
export interface Advice {
  readonly resources: readonly UnusedResource[];
  readonly scopes: readonly UnusedScopes[];
  readonly client_scopes: readonly UnusedClientScopes[];
  readonly clients: readonly AdvisedUnusedClient[];
  readonly wide_clients: readonly AdvisedWideClient[];
  readonly delegations: readonly AdvisedDelegation[];
  /** Kinds of which there is more than is shown. */
  readonly more: readonly string[];
  /** What nothing is said of, since it was made, or changed, within the period. */
  readonly too_young: TooYoung;
  /** Policies that forbid what is not used; `null` for none, and where those are not active any more that it was looked for by. */
  readonly policy: AdvisedPolicy | null;
}

/** Policies that would forbid what is not used, beside those that are active. */
export interface AdvisedPolicy {
  readonly name: string;
  /** Cedar. */
  readonly content: string;
  /** How many policies it has, and for how many more there was no room. */
  readonly statements: number;
  readonly left_out: number;
  /** What a replay takes to try them, and a policy set version is made of once they are written. */
  readonly candidate: AdvisedCandidate;
  /** Hex SHA-256 over what would be in the set. */
  readonly manifest_sha256: string;
  /** The last replay of them against what is active; `null` before there is one that is complete. */
  readonly replay: AdvisedReplay | null;
}

/** The active policies with the advised one, as a replay takes them. */
export interface AdvisedCandidate {
  readonly policy_version_ids: readonly string[];
  readonly policies: readonly AdvisedText[];
}

/** A policy by its text. */
export interface AdvisedText {
  readonly name: string;
  readonly content: string;
}

/** What a replay has found of the advice. */
export interface AdvisedReplay {
  readonly id: string;
  readonly from: Date;
  readonly to: Date;
  readonly decisions: number;
  /** Decisions that would be other ones, and those that could not be made again. */
  readonly changed: number;
  readonly unknown: number;
}

/** An analysis with what comes of it. */
export interface AccessAnalysisResult extends AccessAnalysisView {
  /** `null` unless all of the time was looked at, all decisions in it are known, and it is at least a day. */
  readonly advice: Advice | null;
}

/** What is shown of an analysis, with its advice. */
export async function toResult(
  db: Pick<EntityManager, 'query' | 'transaction'>,
  zone: Zone,
  analysis: AccessAnalysis,
): Promise<AccessAnalysisResult> {
  const view = toView(analysis);
  if (!isEnough(analysis)) return { ...view, advice: null };
  const { found: shown, more } = await findUnused(db, analysis);
  const at = `/internal/zones/${analysis.zoneId}`;
  return {
    ...view,
    advice: {
      resources: shown.resources,
      scopes: shown.scopes,
      client_scopes: shown.client_scopes,
      clients: shown.clients.map((each) => ({
        ...each,
        request: patch(`${at}/clients/${each.client_id}`, { disabled: true }),
      })),
      wide_clients: shown.wide_clients.map((each) => ({
        ...each,
        request: patch(`${at}/clients/${each.client_id}`, {
          scopes: each.used_scopes,
          audience: each.used_audience,
        }),
      })),
      delegations: shown.delegations.map((each) => ({
        ...each,
        request:
          each.uses > 0
            ? null
            : {
                method: 'DELETE',
                path: `${at}/delegations/${each.delegation_edge_id}`,
                body: null,
              },
      })),
      more,
      too_young: await countTooYoung(db, analysis),
      policy: await policyOf(db, zone, analysis, shown),
    },
  };
}

/** Whether enough is known to take anything for unused: nothing of the time is missing, and no decision in it. */
function isEnough(analysis: AccessAnalysis): boolean {
  const { scan, progress } = analysis;
  return (
    isComplete(analysis) &&
    progress.inputUnknown === 0 &&
    scan.toAt.getTime() - scan.fromAt.getTime() >= DAY_MS
  );
}

function patch(path: string, body: AdvisedChange): AdvisedRequest {
  return { method: 'PATCH', path, body };
}

async function policyOf(
  db: Pick<EntityManager, 'query'>,
  { activePolicySetVersionId: active }: Zone,
  { zoneId, scan }: AccessAnalysis,
  found: Findings,
): Promise<AdvisedPolicy | null> {
  if (active === null || active !== scan.basePolicySetVersionId) return null;
  const loaded = await loadModules(db, zoneId, active);
  if (loaded.problem !== null) return null;
  const policy = leastPrivilegePolicy(unusedIn(found), loaded.modules);
  if (policy === null) return null;
  const { name, content, statements, leftOut } = policy;
  const members = await db.query<{ id: string }[]>(MEMBERS, [zoneId, active]);
  const sha256 = manifestSha256([...loaded.modules, { id: name, content }]);
  return {
    name,
    content,
    statements,
    left_out: leftOut,
    candidate: {
      policy_version_ids: members.map((member) => member.id),
      policies: [{ name, content }],
    },
    manifest_sha256: sha256,
    replay: await replayOf(db, [zoneId, sha256, scan.baseManifestSha256]),
  };
}

/** What policy can forbid: what nobody uses once for all, and of a client what others use. */
function unusedIn({ resources, scopes, client_scopes: pairs }: Findings): UnusedAccess[] {
  const nobodys = new Map(scopes.map(({ resource, unused_scopes }) => [resource, unused_scopes]));
  return [
    ...resources.map(({ resource }) => ({ clientId: null, resource, scopes: null })),
    ...scopes.map(({ resource, unused_scopes }) => ({
      clientId: null,
      resource,
      scopes: unused_scopes,
    })),
    ...pairs.flatMap(({ client_id: clientId, resource, unused_scopes }) => {
      const own = unused_scopes.filter((scope) => nobodys.get(resource)?.includes(scope) !== true);
      return own.length === 0 ? [] : [{ clientId, resource, scopes: own }];
    }),
  ];
}

async function replayOf(
  db: Pick<EntityManager, 'query'>,
  of: readonly unknown[],
): Promise<AdvisedReplay | null> {
  const [replay] = await db.query<
    { id: string; from_at: Date; to_at: Date; progress: ReplayProgress }[]
  >(REPLAY, [...of]);
  if (replay === undefined) return null;
  const { id, from_at: from, to_at: to, progress } = replay;
  return { id, from, to, decisions: progress.decisions, ...changesOf(progress) };
}

const MEMBERS = `
  SELECT policy_version_id AS id FROM policy_set_members
   WHERE zone_id = $1 AND policy_set_version_id = $2 ORDER BY policy_version_id`;
const REPLAY = `
  SELECT id, from_at, to_at, progress FROM policy_replays
   WHERE zone_id = $1 AND manifest_sha256 = $2 AND base_manifest_sha256 = $3
     AND state = 'done' AND progress->>'stoppedBy' IS NULL
   ORDER BY to_at DESC LIMIT 1`;
