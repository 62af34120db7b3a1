import { textOf } from '../api/json.js';
import { ask, readAll, type Api } from './api.js';
import type { Draft } from './draft.js';
import type { LivePolicies, LiveSet } from './live-policies.js';
import type { Step } from './plan.js';

/**
 * Says which policies and policy sets are removed by `--prune`: sets first, since a policy stays as long as a version of it is
 * in one. What decides or is tried stays, and so does whatever is in a version of a set that stays, however old: decisions
 * that were made by it can be made again.
 *
 * @returns the steps, to be done once something else decides
 */
export async function planPolicyDeletions(api: Api, draft: Draft): Promise<Step[]> {
  const { live, options } = draft;
  if (live === null) return [];
  const at = `zones/${live.id}`;
  const [sets, policies] = [extraSets(draft, live.policies), extraPolicies(draft, live.policies)];
  const tried = options.prune && sets.length > 0 ? await setThatIsTried(api, at, sets) : null;
  const gone = new Set(
    options.prune ? sets.filter((set) => set !== tried).map(({ id }) => id) : [],
  );
  const steps: Step[] = [];
  for (const set of sets)
    steps.push(...(await remove(api, draft, 'policy set', set, gone.has(set.id))));
  for (const policy of policies) {
    const inSets = options.prune
      ? await readAll(api, `${at}/policy-sets`, { policy_id: policy.id })
      : [];
    const isFree = options.prune && inSets.every((set) => gone.has(textOf(set, 'id')));
    steps.push(...(await remove(api, draft, 'policy', policy, isFree)));
  }
  return steps;
}

/** The sets that are not in the file, if it says which set decides; the one that decides otherwise is none of them. */
function extraSets({ document }: Draft, { sets }: LivePolicies): readonly LiveSet[] {
  const { policySet } = document;
  return policySet === null ? [] : sets.filter(({ name }) => name !== policySet.name);
}

/** The policies that are not in the file, if it lists any, and not in the set that it says. */
function extraPolicies({ document }: Draft, { all }: LivePolicies) {
  if (document.policies === null) return [];
  const names = new Set([
    ...document.policies.map(({ name }) => name),
    ...(document.policySet?.policies ?? []),
  ]);
  return all.filter(({ name }) => !names.has(name));
}

/** The set of which a version is tried beside what decides. */
async function setThatIsTried(
  api: Api,
  at: string,
  sets: readonly LiveSet[],
): Promise<LiveSet | null> {
  const { body } = await ask(api, 'GET', `${at}/policy/shadow`);
  const versionId = body['policy_set_version_id'];
  if (typeof versionId !== 'string') return null;
  for (const set of sets) {
    const versions = await readAll(api, `${at}/policy-sets/${set.id}/versions`);
    if (versions.some((version) => textOf(version, 'id') === versionId)) return set;
  }
  return null;
}

async function remove(
  api: Api,
  { live, differences, unmanaged }: Draft,
  what: 'policy' | 'policy set',
  { id, name }: LiveSet,
  removed: boolean,
): Promise<Step[]> {
  if (!removed) {
    unmanaged.push({ noun: what, name });
    return [];
  }
  const path = `zones/${live?.id ?? ''}/${what === 'policy' ? 'policies' : 'policy-sets'}/${id}`;
  const { etag } = await ask(api, 'GET', path);
  differences.push({ action: 'delete', noun: what, name, changes: [] });
  return [{ do: 'delete policies', what, name, read: { id, etag } }];
}
