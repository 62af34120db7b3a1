import { isDeepStrictEqual } from 'node:util';
import type { Api } from './api.js';
import { checkReferences } from './check-references.js';
import { brief, changesOf, whole, type FieldChange } from './compare.js';
import { nameOf, type Item, type Noun } from './field.js';
import { namesIn, readLiveZone, readThing, readUsual, type Thing } from './live-zone.js';
import { CLIENTS } from './nouns/client-noun.js';
import { ISSUERS } from './nouns/issuer-noun.js';
import { NOUNS } from './nouns/nouns.js';
import { ZONE } from './nouns/zone-noun.js';
import type { Plan } from './plan.js';
import { planPolicies } from './plan-policies.js';
import { planSecrets } from './plan-secrets.js';
import type { Draft, PlanOptions } from './draft.js';
import type { ZoneDocument } from './read-zone-file.js';

/**
 * Compares a document with what there is. Reads only.
 *
 * @throws {WrongZoneFile} if the document names what is neither in it nor in the zone
 */
export async function makePlan(
  api: Api,
  document: ZoneDocument,
  options: PlanOptions,
): Promise<Plan> {
  const zone = nameOf(ZONE, document.zone);
  const live = await readLiveZone(api, zone);
  const draft: Draft = {
    document,
    live,
    options,
    differences: [],
    first: [],
    later: [],
    deletions: [],
    unmanaged: [],
  };
  checkReferences(draft);
  planZone(draft);
  for (const noun of NOUNS) await planSection(api, draft, noun);
  await planSecrets(api, draft);
  for (const noun of NOUNS.toReversed()) await planDeletions(api, draft, noun);
  const policySteps = await planPolicies(api, draft);
  return {
    zone,
    zoneId: live?.id ?? null,
    issuer: live?.issuer ?? null,
    clients: live?.clients ?? new Map(),
    differences: draft.differences,
    steps: [...draft.first, ...draft.later, ...draft.deletions, ...policySteps],
    unmanaged: draft.unmanaged,
    folder: document.folder,
    logo: document.logo,
  };
}

function planZone({ document, live, differences, first, later }: Draft): void {
  const name = nameOf(ZONE, document.zone);
  const item = document.zone;
  if (live === null) {
    differences.push({ action: 'create', noun: ZONE.title, name, changes: newFields(ZONE, item) });
    const fields = Object.keys(item).filter((field) => ZONE.fields[field]?.notAtFirst !== true);
    first.push({ do: 'create', section: ZONE.section, name, read: null, item, fields });
    const rest = saidLater(ZONE, item);
    if (rest.length > 0) {
      later.push({ do: 'change', section: ZONE.section, name, read: null, item, fields: rest });
    }
    return;
  }
  const changes = changesOf(ZONE, item, live.item);
  if (changes.length === 0) return;
  differences.push({ action: 'change', noun: ZONE.title, name, changes });
  const read = { id: live.id, etag: live.etag };
  const fields = changes.map(({ field }) => field);
  const now = fields.filter((field) => field !== 'default_resources');
  if (now.length > 0)
    first.push({ do: 'change', section: ZONE.section, name, read, item, fields: now });
  if (now.length < fields.length) {
    const after = now.length > 0 ? null : read;
    later.push({
      do: 'change',
      section: ZONE.section,
      name,
      read: after,
      item,
      fields: ['default_resources'],
    });
  }
}

/** The fields that something new cannot have yet, and is to have. */
function saidLater({ fields }: Noun, item: Item): string[] {
  return Object.keys(fields).filter((name) => {
    const { notAtFirst, absent } = fields[name] ?? {};
    return (
      notAtFirst === true && item[name] !== undefined && !isDeepStrictEqual(item[name], absent)
    );
  });
}

/** The fields of something new, without those that go without saying. */
function newFields(noun: Noun, item: Item): FieldChange[] {
  return Object.entries(brief(noun, item))
    .filter(([field]) => field !== noun.key)
    .map(([field, to]) => ({ field, from: null, to }));
}

async function planSection(api: Api, draft: Draft, noun: Noun): Promise<void> {
  const wanted = draft.document.sections.get(noun.section) ?? [];
  const present = draft.live?.things.get(noun.section) ?? [];
  for (const item of wanted) {
    const thing = present.find(({ name }) => name === nameOf(noun, item));
    if (thing === undefined) await planNew(api, draft, noun, item);
    else await planChange(api, draft, noun, item, thing);
  }
}

async function planNew(api: Api, draft: Draft, noun: Noun, item: Item): Promise<void> {
  const name = nameOf(noun, item);
  draft.differences.push({
    action: 'create',
    noun: noun.title,
    name,
    changes: newFields(noun, item),
  });
  const after = saidLater(noun, item);
  const all = Object.keys(whole(noun, item)).filter(
    (field) => noun.fields[field]?.notAtFirst !== true,
  );
  const late = all.filter((field) => comesLater(draft, noun, field, item));
  const fields = [...all, ...secretsOf(noun, item)];
  const read = await readUsual(api, draft.live, noun, name);
  const step = { section: noun.section, name, read } as const;
  if (late.length === 0) {
    draft.first.push({ ...step, do: 'create', item, fields });
  } else if (noun.section !== ISSUERS.section) {
    const now = fields.filter((field) => !late.includes(field));
    draft.first.push({ ...step, do: 'create', item, fields: now });
    draft.later.push({ ...step, do: 'change', item, fields: late });
  } else if (namesIn(item['token_types']).includes('client_assertion')) {
    // Clients may need it to be made, and it names them. Until it can, none of its tokens is taken for a user's.
    const narrow = { ...item, token_types: ['client_assertion'], allowed_clients: [] };
    draft.first.push({ ...step, do: 'create', item: narrow, fields });
    draft.later.push({ ...step, do: 'change', item, fields });
  } else {
    draft.later.push({ ...step, do: 'create', item, fields });
  }
  if (after.length > 0) draft.first.push({ ...step, do: 'change', item, fields: after });
}

async function planChange(
  api: Api,
  draft: Draft,
  noun: Noun,
  item: Item,
  thing: Thing,
): Promise<void> {
  const { live } = draft;
  const tokens = secretsToSet(noun, item, thing);
  if (live === null || (changesOf(noun, item, thing.item).length === 0 && tokens.length === 0))
    return;
  // What is compared is what the entity tag is of.
  const fresh = await readThing(api, live, noun, thing);
  const { thing: present, etag } = fresh ?? { thing, etag: null };
  const changes = changesOf(noun, item, present.item);
  if (changes.length === 0 && tokens.length === 0) return;
  const { name } = thing;
  const asked = tokens.map((field) => ({ field, from: null, to: item[field] ?? null }));
  draft.differences.push({
    action: 'change',
    noun: noun.title,
    name,
    changes: [...changes, ...asked],
  });
  const fields = [...changes.map(({ field }) => field), ...tokens];
  const late = fields.filter((field) => comesLater(draft, noun, field, item));
  const read = { id: thing.id, etag };
  const step = { do: 'change', section: noun.section, name, item } as const;
  if (noun.section === ISSUERS.section && late.length > 0) {
    // All at once, and late: half of it could believe what neither the old terms nor the new ones do.
    draft.later.push({ ...step, read, fields });
    return;
  }
  const now = fields.filter((field) => !late.includes(field));
  if (now.length > 0) draft.first.push({ ...step, read, fields: now });
  if (late.length > 0)
    draft.later.push({ ...step, read: now.length > 0 ? null : read, fields: late });
}

/** The secrets of a thing that is sent with the rest of it. */
function secretsOf(noun: Noun, item: Item): string[] {
  return Object.keys(noun.fields).filter(
    (field) =>
      noun.fields[field]?.secret === true &&
      noun.section !== CLIENTS.section &&
      item[field] !== undefined,
  );
}

/** Those of them that there are not yet, or that go where they have not gone before. */
function secretsToSet(noun: Noun, item: Item, { view, item: present }: Thing): string[] {
  return secretsOf(noun, item).filter(
    (field) => view[`has_${field}`] !== true || item['ssf_poll_url'] !== present['ssf_poll_url'],
  );
}

/** Whether a field names something that is yet to be made, in a section whose turn is after. */
function comesLater({ live }: Draft, noun: Noun, field: string, item: Item): boolean {
  const section = noun.fields[field]?.refersTo;
  if (section === undefined || orderOf(section) < orderOf(noun.section)) return false;
  const present = new Set((live?.things.get(section) ?? []).map(({ name }) => name));
  return namesIn(item[field]).some((name) => !present.has(name));
}

function orderOf(section: string): number {
  return NOUNS.findIndex((noun) => noun.section === section);
}

async function planDeletions(api: Api, draft: Draft, noun: Noun): Promise<void> {
  const { document, live, options, differences, deletions, unmanaged } = draft;
  const listed = document.sections.get(noun.section);
  if (listed === undefined || live === null) return;
  const names = new Set(listed.map((item) => nameOf(noun, item)));
  for (const thing of live.things.get(noun.section) ?? []) {
    const { id, name } = thing;
    if (names.has(name) || noun.isUsual?.(thing.view) === true) continue;
    if (!options.prune || noun.isPermanent?.(thing.view) === true) {
      unmanaged.push({ noun: noun.title, name });
      continue;
    }
    const fresh = await readThing(api, live, noun, thing);
    differences.push({ action: 'delete', noun: noun.title, name, changes: [] });
    deletions.push({
      do: 'delete',
      section: noun.section,
      name,
      read: { id, etag: fresh?.etag ?? null },
    });
  }
}
