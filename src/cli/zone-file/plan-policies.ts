import { isDeepStrictEqual } from 'node:util';
import { clientsIn, withNames, withNamesOnly, type Names } from './cedar-names.js';
import type { FieldChange } from './compare.js';
import { presentVersion, type LivePolicies, type LivePolicy } from './live-policies.js';
import { namesAfter, type Draft } from './draft.js';
import type { PolicyMember, Step } from './plan.js';
import { WrongZoneFile } from './problems.js';
import type { PolicyText } from './read-zone-file.js';

/**
 * Says which policies are to be written, and which are to decide: versions that are there already are taken again, so that
 * what was begun is gone on with.
 *
 * @returns the steps, activation last
 * @throws {WrongZoneFile} if a policy names a client that there is not, or the set a policy
 */
export function planPolicies(draft: Draft): readonly Step[] {
  const { document, live, differences, unmanaged } = draft;
  const policies = document.policies ?? [];
  const written = policies.map((policy) => planPolicy(draft, policy));
  checkNames(draft);
  const steps: Step[] = [];
  const { policySchema: schema } = document;
  if (schema !== null && schema !== (live?.policies.schema ?? null)) {
    const changes = [{ field: 'text', from: live?.policies.schema ?? null, to: schema }];
    differences.push({ action: 'change', noun: 'policy schema', name: '', changes });
    const etag = live?.policies.schemaEtag ?? null;
    steps.push({ do: 'set policy schema', text: schema, etag });
  }
  steps.push(...written.flatMap(({ step }) => (step === null ? [] : [step])));
  const members = new Map(written.map(({ name, versionId }) => [name, versionId]));
  const activation = planSet(draft, members);
  if (document.policies !== null) {
    const names = new Set([
      ...policies.map(({ name }) => name),
      ...(document.policySet?.policies ?? []),
    ]);
    for (const { name } of live?.policies.all ?? [])
      if (!names.has(name)) unmanaged.push({ noun: 'policy', name });
  }
  return activation === null ? steps : [...steps, activation];
}

function planPolicy(
  { document, live, differences }: Draft,
  { name, text }: PolicyText,
): PolicyMember & { readonly step: Step | null } {
  const names = namesOf(live);
  const present = live?.policies.all.find((policy) => policy.name === name);
  const wanted = withNamesOnly(text, names);
  // Where nothing is activated, what was written last is what there is.
  const activates = document.policySet !== null;
  const counts =
    present === undefined
      ? null
      : presentVersion(activates ? (live?.policies ?? NONE) : NONE, present);
  const before = counts === null ? null : withNames(counts.text, names);
  if (counts !== null && before === wanted) return { name, versionId: counts.id, step: null };
  const action = present === undefined ? 'create' : 'change';
  const changes = [{ field: 'text', from: before, to: wanted }];
  differences.push({ action, noun: 'policy', name, changes });
  const same = present?.versions.findLast((version) => withNames(version.text, names) === wanted);
  if (same !== undefined) return { name, versionId: same.id, step: null };
  return {
    name,
    versionId: null,
    step: { do: 'write policy', name, id: present?.id ?? null, text },
  };
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
      ({ name, versionId }) => versionId !== null && active.members.get(name) === versionId,
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
  const other = members.filter((member) => active?.members.get(member.name) !== member.versionId);
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
