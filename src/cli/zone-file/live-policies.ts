import { listOf, textOf } from '../api/json.js';
import { Refusal } from '../api/refusal.js';
import { ask, readAll, type Api } from './api.js';

/** A version of a policy; its text has ids, as the API has it. */
export interface LiveVersion {
  readonly id: string;
  readonly text: string;
}

/** A policy with all its versions, the newest last. */
export interface LivePolicy {
  readonly id: string;
  readonly name: string;
  readonly versions: readonly LiveVersion[];
}

/** What decides in a zone, and what could. */
export interface LivePolicies {
  readonly all: readonly LivePolicy[];
  readonly sets: ReadonlyMap<string, string>;
  /** What is active: the name of its set, and the versions that are in it, by the name of their policy. */
  readonly active: {
    readonly set: string;
    readonly versionId: string;
    readonly members: ReadonlyMap<string, string>;
  } | null;
  /** Names what is active, for `If-Match`. */
  readonly etag: string | null;
  readonly schema: string | null;
  /** Names what the schema is, for `If-Match`. */
  readonly schemaEtag: string | null;
}

/** Reads the policies of a zone. @param at its path */
export async function readPolicies(api: Api, at: string): Promise<LivePolicies> {
  const all: LivePolicy[] = [];
  for (const view of await readAll(api, `${at}/policies`)) {
    const [id, name] = [textOf(view, 'id'), textOf(view, 'name')];
    const versions = await readAll(api, `${at}/policies/${id}/versions`);
    const texts = versions.map((version) => ({
      id: textOf(version, 'id'),
      text: textOf(version, 'content'),
    }));
    all.push({ id, name, versions: texts });
  }
  const sets = await readAll(api, `${at}/policy-sets`);
  const { body: policy, etag } = await ask(api, 'GET', `${at}/policy`);
  const { body: schema, etag: schemaEtag } = await ask(api, 'GET', `${at}/policy/schema`);
  const { policy_set_version_id: versionId } = policy;
  return {
    all,
    sets: new Map(sets.map((set) => [textOf(set, 'name'), textOf(set, 'id')])),
    active: typeof versionId === 'string' ? await readActive(api, at, sets, versionId, all) : null,
    etag,
    schema: typeof schema['extension'] === 'string' ? schema['extension'] : null,
    schemaEtag,
  };
}

async function readActive(
  api: Api,
  at: string,
  sets: Awaited<ReturnType<typeof readAll>>,
  versionId: string,
  all: readonly LivePolicy[],
): Promise<LivePolicies['active']> {
  for (const view of sets) {
    const ids = await membersOf(
      api,
      `${at}/policy-sets/${textOf(view, 'id')}/versions/${versionId}`,
    );
    if (ids === null) continue;
    const members = all.flatMap((policy) =>
      policy.versions
        .filter((version) => ids.has(version.id))
        .map((version) => [policy.name, version.id] as const),
    );
    return { set: textOf(view, 'name'), versionId, members: new Map(members) };
  }
  return null;
}

/** The policy versions of a version of a set; `null` if it is of another set. */
async function membersOf(api: Api, path: string): Promise<ReadonlySet<string> | null> {
  try {
    const { body } = await ask(api, 'GET', path);
    return new Set(listOf(body['policy_version_ids']).map(String));
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

/** The newest version of a set, if it has exactly these policy versions. */
export async function sameAsNewest(
  api: Api,
  at: string,
  setId: string,
  wanted: ReadonlySet<string>,
): Promise<string | null> {
  const newest = (await readAll(api, `${at}/policy-sets/${setId}/versions`)).at(-1);
  if (newest === undefined) return null;
  const id = textOf(newest, 'id');
  const members = await membersOf(api, `${at}/policy-sets/${setId}/versions/${id}`);
  const same = members?.size === wanted.size && [...members].every((one) => wanted.has(one));
  return same ? id : null;
}

/** The version of a policy that counts: the one that is active, or else the newest. */
export function presentVersion(
  { active }: Pick<LivePolicies, 'active'>,
  { name, versions }: LivePolicy,
): LiveVersion | null {
  const id = active?.members.get(name);
  return versions.find((version) => version.id === id) ?? versions.at(-1) ?? null;
}
