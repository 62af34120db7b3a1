import { structuredPatch } from 'diff';
import { isJsonArray, isJsonObject, type JsonValue } from '../../oauth/strict-json.js';
import type { FieldChange } from './compare.js';
import { describeSecret, type Difference, type Plan } from './plan.js';

/** Writes lines as they are, or in colour. */
type Paint = (sign: '+' | '-' | '~', text: string) => string;

const COLOR = { '+': 32, '-': 31, '~': 33 } as const;

/** Writes a plan for people: by noun and name, field by field, texts line by line. */
export function showPlan(plan: Plan, color: boolean): string {
  const paint: Paint = (sign, text) => (color ? `\u001B[${COLOR[sign]}m${text}\u001B[0m` : text);
  const lines = [
    `zone ${plan.zone}${plan.zoneId === null ? ' (new)' : ''}`,
    ...plan.differences.flatMap((difference) => showDifference(difference, paint)),
    ...showUnmanaged(plan),
    summary(plan),
  ];
  return `${lines.join('\n')}\n`;
}

const SIGN = { create: '+', change: '~', delete: '-' } as const;

function showDifference({ action, noun, name, changes }: Difference, paint: Paint): string[] {
  const sign = SIGN[action];
  const head = `  ${sign} ${noun}${name === '' ? '' : ` ${name}`}${action === 'delete' ? ' (deleted, with all that hangs on it)' : ''}`;
  return [paint(sign, head), ...changes.flatMap((change) => showChange(change, action, paint))];
}

function showChange(
  { field, from, to }: FieldChange,
  action: Difference['action'],
  paint: Paint,
): string[] {
  if (field === 'text') return [`      ${field}:`, ...lineDiff(from, to, paint)];
  if (from !== null && to !== null && isJsonArray(from) && isJsonArray(to)) {
    return [`      ${field}: ${listDiff(from, to, paint)}`];
  }
  const after = field === 'secret' || field.endsWith('_token') ? secretText(to) : show(to);
  // A secret and a new version take the place of nothing that could be shown.
  const isNew =
    from === null && (action === 'create' || after !== show(to) || field === 'new versions of');
  return [`      ${field}: ${isNew ? after : `${show(from)} → ${after}`}`];
}

function secretText(value: JsonValue): string {
  return isJsonObject(value) ? describeSecret(value) : show(value).replaceAll(/^"|"$/g, '');
}

function show(value: JsonValue): string {
  if (value === null) return 'none';
  if (typeof value === 'string') return JSON.stringify(value);
  if (!isJsonArray(value)) return JSON.stringify(value);
  return `[${value.map((element) => JSON.stringify(element)).join(', ')}]`;
}

/** What a list gains and loses; of one in which that is nothing, its new order. */
function listDiff(from: readonly JsonValue[], to: readonly JsonValue[], paint: Paint): string {
  const [before, after] = [
    from.map((each) => JSON.stringify(each)),
    to.map((each) => JSON.stringify(each)),
  ];
  const gone = before.filter((each) => !after.includes(each)).map((each) => paint('-', `-${each}`));
  const added = after
    .filter((each) => !before.includes(each))
    .map((each) => paint('+', `+${each}`));
  const all = [...gone, ...added];
  return all.length === 0 ? `${show([...from])} → ${show([...to])}` : all.join(' ');
}

function lineDiff(from: JsonValue, to: JsonValue, paint: Paint): string[] {
  const [before, after] = [from, to].map((text) => (typeof text === 'string' ? text : ''));
  const { hunks } = structuredPatch('', '', before ?? '', after ?? '', '', '', { context: 2 });
  return hunks.flatMap(({ lines }, n) => [
    ...(n === 0 ? [] : ['        …']),
    ...lines
      .filter((line) => !line.startsWith('\\'))
      .map((line) => {
        const sign = line.startsWith('+') ? '+' : line.startsWith('-') ? '-' : null;
        return sign === null ? `        ${line}` : paint(sign, `        ${line}`);
      }),
  ]);
}

function showUnmanaged({ unmanaged }: Plan): string[] {
  if (unmanaged.length === 0) return [];
  const names = unmanaged.map(({ noun, name }) => `    ${noun} ${name}`);
  return [
    '  not in the file, and left as they are (--prune removes what can be removed):',
    ...names,
  ];
}

/** How much there is to do. */
function summary({ differences }: Plan): string {
  if (differences.length === 0) return 'Nothing to do.';
  const count = (action: Difference['action']) =>
    differences.filter((one) => one.action === action).length;
  return `To do: ${count('create')} to create, ${count('change')} to change, ${count('delete')} to delete.`;
}

/** The same for programs. */
export function planJson({ zone, zoneId, differences, unmanaged }: Plan): object {
  return { zone, zone_id: zoneId, changes: differences, unmanaged };
}
