import type { JsonObject } from '../../oauth/strict-json.js';
import { textOf } from '../api/json.js';
import { ask, readAll, type Api } from './api.js';
import { withIds, type Names } from './cedar-names.js';
import { sameAsNewest } from './live-policies.js';
import type { Step } from './plan.js';

/** Sets what a zone adds to the Cedar schema. @param at the path of the zone */
export async function setPolicySchema(
  api: Api,
  at: string,
  { text, etag }: Extract<Step, { readonly do: 'set policy schema' }>,
): Promise<void> {
  await ask(api, 'PUT', `${at}/policy/schema`, { body: { extension: text }, ifMatch: etag });
}

/** Writes a version of a policy. @returns its id */
export async function writePolicy(
  api: Api,
  at: string,
  { name, id, text }: Extract<Step, { readonly do: 'write policy' }>,
  names: Names,
): Promise<string> {
  const { text: content } = withIds(text, names);
  if (id !== null) {
    const { body } = await ask(api, 'POST', `${at}/policies/${id}/versions`, { body: { content } });
    return textOf(body, 'id');
  }
  const { body } = await ask(api, 'POST', `${at}/policies`, { body: { name, content } });
  const { version } = body;
  return typeof version === 'object' && version !== null && 'id' in version
    ? textOf(version, 'id')
    : '';
}

/**
 * Puts versions together to a set, unless that is its newest version already, and activates it: only if what is active is
 * still what the plan has read.
 *
 * @param written the versions that were written on the way, by the names of policies
 */
export async function activate(
  api: Api,
  at: string,
  { name, etag, members, maxChanges }: Extract<Step, { readonly do: 'activate' }>,
  written: ReadonlyMap<string, string>,
): Promise<void> {
  const ids = members.map((member) => member.versionId ?? written.get(member.name) ?? '');
  const set = await findSet(api, at, name);
  const same = await sameAsNewest(api, at, set, new Set(ids));
  const version =
    same ??
    (
      await ask(api, 'POST', `${at}/policy-sets/${textOf(set, 'id')}/versions`, {
        body: { policy_version_ids: ids },
      })
    ).body['id'] ??
    null;
  await ask(api, 'PUT', `${at}/policy`, {
    body: {
      policy_set_version_id: version,
      ...(maxChanges === undefined ? {} : { max_changes: maxChanges }),
    },
    ifMatch: etag ?? '"none"',
  });
}

/** Removes a policy or a policy set, if it is as the plan has read it. */
export async function deletePolicies(
  api: Api,
  at: string,
  { what, read }: Extract<Step, { readonly do: 'delete policies' }>,
): Promise<void> {
  const path = what === 'policy' ? 'policies' : 'policy-sets';
  await ask(api, 'DELETE', `${at}/${path}/${read.id}`, { ifMatch: read.etag });
}

async function findSet(api: Api, at: string, name: string): Promise<JsonObject> {
  const [present] = await readAll(api, `${at}/policy-sets`, { name });
  return present ?? (await ask(api, 'POST', `${at}/policy-sets`, { body: { name } })).body;
}
