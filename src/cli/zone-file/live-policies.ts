import { createHash } from 'node:crypto';
import type { JsonObject } from '../../oauth/strict-json.js';
import { isObject, listOf, textOf } from '../api/json.js';
import { Refusal } from '../api/refusal.js';
import { ask, readAll, type Api } from './api.js';

/** A version of a policy, of which the text is read only where it has to be. */
export interface LiveVersion {
  readonly id: string;
  /** Hex SHA-256 of its text, which has ids, as the API has it. */
  readonly sha256: string;
}

/** A policy with its newest version. */
export interface LivePolicy {
  readonly id: string;
  readonly name: string;
  readonly newest: LiveVersion | null;
}

/** A policy set. */
export interface LiveSet {
  readonly id: string;
  readonly name: string;
}

/** What decides in a zone, and what could. */
export interface LivePolicies {
  readonly all: readonly LivePolicy[];
  readonly sets: readonly LiveSet[];
  /** What is active: its set, and the versions that are in it, by the name of their policy. */
  readonly active: {
    readonly set: string;
    readonly members: ReadonlyMap<string, LiveVersion>;
  } | null;
  /** Names what is active, for `If-Match`. */
  readonly etag: string | null;
  readonly schema: string | null;
  /** Names what the schema is, for `If-Match`. */
  readonly schemaEtag: string | null;
}

/** Reads what policies a zone has, without their texts: a few requests, however many there are. @param at its path */
export async function readPolicies(api: Api, at: string): Promise<LivePolicies> {
  const views = await readAll(api, `${at}/policies`);
  const all = views.map((view): LivePolicy => {
    const { latest_version: newest } = view;
    return {
      id: textOf(view, 'id'),
      name: textOf(view, 'name'),
      newest: isObject(newest)
        ? { id: textOf(newest, 'id'), sha256: textOf(newest, 'sha256') }
        : null,
    };
  });
  const sets = await readAll(api, `${at}/policy-sets`);
  const { body: policy, etag } = await ask(api, 'GET', `${at}/policy`);
  const { body: schema, etag: schemaEtag } = await ask(api, 'GET', `${at}/policy/schema`);
  const { policy_set_version_id: versionId } = policy;
  return {
    all,
    sets: sets.map((set) => ({ id: textOf(set, 'id'), name: textOf(set, 'name') })),
    active: typeof versionId === 'string' ? await readActive(api, at, sets, versionId, all) : null,
    etag,
    schema: typeof schema['extension'] === 'string' ? schema['extension'] : null,
    schemaEtag,
  };
}

async function readActive(
  api: Api,
  at: string,
  sets: readonly JsonObject[],
  versionId: string,
  all: readonly LivePolicy[],
): Promise<LivePolicies['active']> {
  const names = new Map(all.map(({ id, name }) => [id, name]));
  const isNewest = ({ latest_version: newest }: JsonObject) =>
    isObject(newest) && newest['id'] === versionId;
  // The newest version of a set is the active one nearly always.
  for (const view of [...sets.filter(isNewest), ...sets.filter((set) => !isNewest(set))]) {
    const found = await membersOf(api, at, textOf(view, 'id'), versionId);
    if (found === null) continue;
    const members = found.map(
      (member) =>
        [
          names.get(textOf(member, 'policy_id')) ?? '',
          { id: textOf(member, 'policy_version_id'), sha256: textOf(member, 'sha256') },
        ] as const,
    );
    return { set: textOf(view, 'name'), members: new Map(members) };
  }
  return null;
}

/** The policy versions of a version of a set; `null` if it is of another set. */
async function membersOf(
  api: Api,
  at: string,
  setId: string,
  versionId: string,
): Promise<readonly JsonObject[] | null> {
  try {
    const { body } = await ask(api, 'GET', `${at}/policy-sets/${setId}/versions/${versionId}`);
    return listOf(body['members']).filter((member) => isObject(member));
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

/** The newest version of a set, if it has exactly these policy versions. */
export async function sameAsNewest(
  api: Api,
  at: string,
  set: JsonObject,
  wanted: ReadonlySet<string>,
): Promise<string | null> {
  const { latest_version: newest } = set;
  if (!isObject(newest)) return null;
  const id = textOf(newest, 'id');
  const members = await membersOf(api, at, textOf(set, 'id'), id);
  const same =
    members?.length === wanted.size &&
    members.every((member) => wanted.has(textOf(member, 'policy_version_id')));
  return same ? id : null;
}

/** The version of a policy that counts: the one that is active, or else the newest. */
export function presentVersion(
  { active }: Pick<LivePolicies, 'active'>,
  { name, newest }: LivePolicy,
): LiveVersion | null {
  return active?.members.get(name) ?? newest;
}

/** Reads the text of a version. */
export async function readVersion(
  api: Api,
  at: string,
  policy: LivePolicy,
  { id }: LiveVersion,
): Promise<string> {
  const { body } = await ask(api, 'GET', `${at}/policies/${policy.id}/versions/${id}`);
  return textOf(body, 'content');
}

/** Reads all versions of a policy with their texts, the newest first. */
export async function readVersions(
  api: Api,
  at: string,
  { id }: LivePolicy,
): Promise<readonly { readonly id: string; readonly text: string }[]> {
  const versions = await readAll(api, `${at}/policies/${id}/versions`);
  return versions
    .map((version) => ({ id: textOf(version, 'id'), text: textOf(version, 'content') }))
    .toReversed();
}

/** Hex SHA-256 of a text, as versions have it. */
export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
