/** Members of an event that are objects, and say by whom or how, not what it is about. */
const OF_OTHERS: ReadonlySet<string> = new Set(['operator_mandate', 'which', 'weight']);

/** Objects that were made or changed beside the one that an event is about. */
const BESIDE: ReadonlySet<string> = new Set(['version', 'key', 'secret']);

/** An id in place of what it names, such as that of the policy set version which decides. */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What things are called, by the first of these that they have. */
const NAMES = ['name', 'identifier', 'issuer', 'url', 'type', 'id'] as const;

/**
 * What an event of the audit log is about, for people who look through many: of an operator's change the name of what was
 * changed, of a token request the resources that it was for.
 *
 * @param event as it was recorded, by whichever version
 * @returns `null` if it does not say
 */
export function topicOf(event: Readonly<Record<string, unknown>>): string | null {
  const { type, summary, subject_operator: operator, requested } = event;
  if (typeof type === 'string' && type.startsWith('admin.')) {
    if (typeof summary === 'string') return summary;
    if (typeof operator === 'string') return operator;
    return nameOf(event['after']) ?? nameOf(event['before']) ?? nameWithin(event);
  }
  const resources = isRecord(requested) ? requested['resources'] : undefined;
  if (!Array.isArray(resources) || resources.length === 0) return null;
  return resources.filter((each) => typeof each === 'string').join(' ');
}

function nameWithin(event: Readonly<Record<string, unknown>>): string | null {
  const things = Object.entries(event).filter(([member]) => !OF_OTHERS.has(member));
  const first = things.filter(([member]) => !BESIDE.has(member));
  const names = [...first, ...things].flatMap(([, value]) =>
    isRecord(value) ? (nameOf(value) ?? []) : [],
  );
  return names.at(0) ?? null;
}

function nameOf(thing: unknown): string | null {
  if (typeof thing === 'string') return ID.test(thing) ? thing : null;
  if (!isRecord(thing)) return null;
  const names = NAMES.map((member) => thing[member]);
  return names.find((name) => typeof name === 'string') ?? null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
