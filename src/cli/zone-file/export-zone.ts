import { Document, Scalar, visit } from 'yaml';
import type { JsonValue } from '../../oauth/strict-json.js';
import type { Progress } from '../progress.js';
import type { Api } from './api.js';
import { withNames } from './cedar-names.js';
import { brief } from './compare.js';
import type { Item, Noun } from './field.js';
import { API_VERSION } from './format.js';
import { presentVersion, readVersion } from './live-policies.js';
import { secretsOf, type LiveZone, type Thing } from './live-zone.js';
import { CLIENTS, takesSecret } from './nouns/client-noun.js';
import { NOUNS } from './nouns/nouns.js';
import { ZONE } from './nouns/zone-noun.js';

/** A document of a zone file, to be written. */
export type Exported = Readonly<Record<string, JsonValue>>;

/**
 * Says of a zone what its file would: sorted, without ids, without what goes without saying, and with references in place
 * of secrets. Reads only.
 *
 * @param logoFile the file that has its logo; `null`: the file will not say which it has
 */
export async function exportZone(
  api: Api,
  live: LiveZone,
  logoFile: string | null,
  progress: Progress,
): Promise<Exported> {
  const { logo: _, ...zone } = brief(ZONE, live.item);
  const sections: [string, JsonValue][] = [];
  for (const noun of NOUNS) {
    const things = (live.things.get(noun.section) ?? [])
      .filter(({ view }) => noun.isUsual?.(view) !== true)
      .toSorted((one, other) => compare(one.name, other.name));
    const items = things.map((thing) => ({
      ...brief(noun, thing.item),
      ...(noun === CLIENTS ? secretOf(thing) : sealedIn(noun, thing)),
    }));
    sections.push([noun.section, items]);
  }
  const { policies } = live;
  const names = { zone: live, clients: live.clients };
  const written: { readonly name: string; readonly text: string }[] = [];
  for (const policy of policies.all.toSorted((one, other) => compare(one.name, other.name))) {
    const version = presentVersion(policies, policy);
    if (version === null) continue;
    const text = await readVersion(api, `zones/${live.id}`, policy, version);
    written.push({ name: policy.name, text: withNames(text, names) });
    progress(() => `read ${written.length} of ${policies.all.length} policies`);
  }
  const { active, schema } = policies;
  const members = active === null ? [] : [...active.members.keys()].toSorted(compare);
  const all = members.length === written.length;
  return {
    apiVersion: API_VERSION,
    zone: { ...zone, ...(logoFile === null ? {} : { logo: { file: logoFile } }) },
    ...Object.fromEntries(sections),
    ...(schema === null ? {} : { policy_schema: { text: schema } }),
    policies: written,
    ...(active === null
      ? {}
      : { policy_set: { name: active.set, ...(all ? {} : { policies: members }) } }),
  };
}

/** In the order of their characters, which is the same everywhere. */
function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** Where whoever applies it is to have the newest secret of a client that there is. */
function secretOf(client: Thing): Item {
  if (!takesSecret(client.item['auth_methods'])) return {};
  const newest = secretsOf(client).at(-1);
  if (newest === undefined) return {};
  const from = newest.imported ? { env: variableFor(client.name, 'secret') } : { generate: true };
  const { expiresAt } = newest;
  return { secret: { ...from, ...(expiresAt === null ? {} : { expires_at: expiresAt }) } };
}

/** The same of what is sealed in anything else. */
function sealedIn({ fields }: Noun, { name, view }: Thing): Item {
  const sealed = Object.keys(fields).filter((field) => view[`has_${field}`] === true);
  return Object.fromEntries(sealed.map((field) => [field, { env: variableFor(name, field) }]));
}

/** The name of an environment variable, such as `MY_SERVICE_SECRET`. */
function variableFor(name: string, what: string): string {
  const words = `${name}_${what}`.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
  return words.replace(/^_+/, '').replace(/^(?=[0-9])/, '_');
}

/** Writes documents as YAML: lines are not folded, and texts of several lines are as they are. */
export function writeYaml(documents: readonly Exported[]): string {
  return documents.map(writeDocument).join('---\n');
}

function writeDocument(exported: Exported): string {
  const document = new Document(exported, { version: '1.2', aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, scalar) => {
      if (typeof scalar.value === 'string' && scalar.value.includes('\n'))
        scalar.type = Scalar.BLOCK_LITERAL;
    },
  });
  const options = { lineWidth: 0, minContentWidth: 0, blockQuote: 'literal' } as const;
  return `# yaml-language-server: $schema=zone.schema.json\n${document.toString(options)}`;
}
