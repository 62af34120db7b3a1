import { isDeepStrictEqual } from 'node:util';
import type { Api } from './api.js';
import { clientsIn, withIds, withNames, withNamesOnly, type Names } from './cedar-names.js';
import { checkPolicies } from './check-policies.js';
import type { FieldChange } from './compare.js';
import {
  presentVersion,
  readVersions,
  sha256Of,
  type LivePolicies,
  type LivePolicy,
} from './live-policies.js';
import { namesAfter, type Draft } from './draft.js';
import { planPolicyDeletions } from './plan-policy-deletions.js';
import type { PolicyMember, Step } from './plan.js';
import { WrongZoneFile } from './problems.js';
import type { PolicyText } from './read-zone-file.js';

/**
 * Says which policies are to be written, and which are to decide: versions that are there already are taken again, so that
 * what was begun is gone on with. What is removed goes last, when nothing decides by it any more.
 *
 * @returns the steps, activation after what it needs, deletions at the end
 * @throws {WrongZoneFile} if a policy names a client that there is not, or the set a policy
 */
export async function planPolicies(api: Api, draft: Draft): Promise<readonly Step[]> {
  const { document, live, differences } = draft;
  checkNames(draft);
  const written: PlannedPolicy[] = [];
  for (const policy of document.policies ?? []) written.push(await planPolicy(api, draft, policy));
  const steps: Step[] = [];
  const schema = document.policySchema?.text ?? null;
  if (schema !== null && schema !== (live?.policies.schema ?? null)) {
    const changes = [{ field: 'text', from: live?.policies.schema ?? null, to: schema }];
    differences.push({ action: 'change', noun: 'policy schema', name: '', changes });
    const etag = live?.policies.schemaEtag ?? null;
    steps.push({ do: 'set policy schema', text: schema, etag });
  }
  steps.push(...written.flatMap(({ step }) => (step === null ? [] : [step])));
  const members = new Map(written.map(({ name, versionId }) => [name, versionId]));
  const activation = planSet(draft, members);
  if (activation !== null) steps.push(activation);
  if (steps.length > 0) await checkPolicies(document, live?.policies.schema ?? null);
  return [...steps, ...(await planPolicyDeletions(api, draft))];
}

/** A policy of the file, and what is to be done for it. */
type PlannedPolicy = PolicyMember & { readonly step: Step | null };

async function planPolicy(
  api: Api,
  { document, live, differences }: Draft,
  { name, text }: PolicyText,
): Promise<PlannedPolicy> {
  const names = namesOf(live);
  const wanted = withNamesOnly(text, names);
  const create = { do: 'write policy', name, id: null, text } as const;
  const present = live?.policies.all.find((policy) => policy.name === name);
  if (present === undefined || live === null) {
    const changes = [{ field: 'text', from: null, to: wanted }];
    differences.push({ action: 'create', noun: 'policy', name, changes });
    return { name, versionId: null, step: create };
  }
  // Where nothing is activated, what was written last is what there is.
  const counts = presentVersion(document.policySet === null ? NONE : live.policies, present);
  const sent = withIds(text, names);
  if (counts !== null && sent.unknown.length === 0 && sha256Of(sent.text) === counts.sha256)
    return { name, versionId: counts.id, step: null };
  // What is written otherwise may mean the same: a name for an id, or an id for a name.
  const versions = await readVersions(api, `zones/${live.id}`, present);
  const named = versions.map((version) => ({ ...version, text: withNames(version.text, names) }));
  const before = named.find(({ id }) => id === counts?.id)?.text ?? null;
  if (counts !== null && before === wanted) return { name, versionId: counts.id, step: null };
  const changes = [{ field: 'text', from: before, to: wanted }];
  differences.push({ action: 'change', noun: 'policy', name, changes });
  const same = named.find((version) => version.text === wanted);
  if (same !== undefined) return { name, versionId: same.id, step: null };
  return { name, versionId: null, step: { ...create, id: present.id } };
}

const NONE = { active: null };

function namesOf(live: Draft['live']): Names {
  if (live === null) return { zone: null, clients: new Map() };
  return { zone: { id: live.id, issuer: live.issuer }, clients: live.clients };
}

function planSet(
  { document, live, differences }: Draft,
  written: ReadonlyMap<string, string | null>,
): Step | null {
  const { policySet: set } = document;
  if (set === null) return null;
  const active = live?.policies.active ?? null;
  const members = [...new Set(set.policies)].map((name): PolicyMember => {
    const versionId = written.get(name);
    if (versionId !== undefined) return { name, versionId };
    const policy = live?.policies.all.find((each) => each.name === name);
    return { name, versionId: policy === undefined ? null : versionOf(policy, live) };
  });
  const same =
    active?.set === set.name &&
    active.members.size === members.length &&
    members.every(
      ({ name, versionId }) => versionId !== null && active.members.get(name)?.id === versionId,
    );
  if (same) return null;
  differences.push({
    action: active === null ? 'create' : 'change',
    noun: 'active policy set',
    name: set.name,
    changes: setChanges(active, set.name, members),
  });
  return { do: 'activate', name: set.name, etag: live?.policies.etag ?? null, members };
}

function setChanges(
  active: LivePolicies['active'],
  name: string,
  members: readonly PolicyMember[],
): FieldChange[] {
  const from = [...(active?.members.keys() ?? [])].toSorted();
  const to = members.map((member) => member.name).toSorted();
  const named =
    active === null || active.set === name ? [] : [{ field: 'name', from: active.set, to: name }];
  if (!isDeepStrictEqual(from, to)) {
    return [...named, { field: 'policies', from: active === null ? null : from, to }];
  }
  const other = members.filter(
    (member) => active?.members.get(member.name)?.id !== member.versionId,
  );
  const newer = other.map((member) => member.name).toSorted();
  return newer.length === 0
    ? named
    : [...named, { field: 'new versions of', from: null, to: newer }];
}

function versionOf(policy: LivePolicy, live: Draft['live']): string | null {
  return presentVersion(live?.policies ?? NONE, policy)?.id ?? null;
}

function checkNames(draft: Draft): void {
  const { document, live } = draft;
  const clients = namesAfter(draft, 'clients');
  const problems = (document.policies ?? []).flatMap(({ name, text }, n) =>
    clientsIn(text)
      .filter((one) => !one.name.startsWith('${') && !clients.has(one.name))
      .map(
        (one) =>
          `${document.at(['policies', n])}: policy ${name}, line ${one.line}: there is no client ${one.name}, here or in the zone`,
      ),
  );
  const known = new Set(
    [...(document.policies ?? []), ...(live?.policies.all ?? [])].map(({ name }) => name),
  );
  const missing = (document.policySet?.policies ?? []).filter((name) => !known.has(name));
  problems.push(
    ...missing.map(
      (name) =>
        `${document.at(['policy_set'])}: policy_set: there is no policy ${name}, here or in the zone`,
    ),
  );
  if (problems.length > 0) throw new WrongZoneFile(problems);
}
