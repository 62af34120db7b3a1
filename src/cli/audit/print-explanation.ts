import type { JsonObject, JsonValue } from '../../oauth/strict-json.js';
import { isObject, listOf, textOf } from '../api/json.js';
import { cellOf, plain } from '../print/cells.js';
import { layOut } from '../print/table.js';

/** What stands before a stage, by its state. */
const SIGNS: Readonly<Record<string, string>> = {
  passed: '+',
  refused: 'x',
  not_needed: '-',
  not_reached: ' ',
  unknown: '?',
};

/**
 * Writes an explanation for people, as `GET /internal/decisions/{requestId}/explanation` has it: paragraphs, of which those
 * with nothing in them are left out.
 *
 * @param width characters in a line; `null` for as long as it takes
 */
export function explanationText(explanation: JsonObject, width: number | null): string {
  const paragraphs = [
    [
      plain(textOf(explanation, 'summary')),
      `${textOf(explanation, 'type')} in the zone ${textOf(explanation, 'zone_id')}, ${cellOf(explanation['occurred_at'])}`,
    ],
    titled('What was asked', tellings(explanation['asked'])),
    titled('What became of it', stages(explanation['stages'])),
    titled('What decided', decisions(explanation['decisions'])),
    titled(
      'What made less of it',
      listOf(explanation['narrowed']).map((line) => `  ${cellOf(line)}`),
    ),
    titled('What came of it', tellings(explanation['result'])),
    titled('What is different', changes(explanation['changes'])),
    titled('What would have let it pass', remedies(explanation['would_pass'])),
  ];
  const lines = paragraphs.filter((each) => each.length > 0).flatMap((each) => [...each, '']);
  return lines.map((line) => `${wrap(line, width)}\n`).join('');
}

function titled(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines];
}

function objectsIn(value: JsonValue | undefined): JsonObject[] {
  return listOf(value).filter(isObject);
}

function tellings(value: JsonValue | undefined): string[] {
  const rows = objectsIn(value).map((each) => [
    plain(textOf(each, 'name')),
    plain(textOf(each, 'value')),
  ]);
  return layOut(rows).lines.map((line) => `  ${line}`);
}

function stages(value: JsonValue | undefined): string[] {
  const rows = objectsIn(value).map((each) => [
    SIGNS[textOf(each, 'state')] ?? '?',
    plain(textOf(each, 'stage')),
    plain(textOf(each, 'text')),
  ]);
  return layOut(rows).lines.map((line) => `  ${line}`);
}

function decisions(value: JsonValue | undefined): string[] {
  return objectsIn(value).flatMap((each) => [
    `  ${plain(textOf(each, 'text'))}`,
    ...policies(each['determined_by']),
  ]);
}

/** The text of policies, with the numbers of its lines. */
function policies(value: JsonValue | undefined): string[] {
  return objectsIn(value).flatMap((policy) => {
    const { line: first, version } = policy;
    const text = textOf(policy, 'text');
    if (text === '' || typeof first !== 'number') return [];
    const of = typeof version === 'number' ? ` (version ${version})` : '';
    const lines = text.split('\n');
    const digits = String(first + lines.length).length;
    return [
      `    ${plain(textOf(policy, 'module'))}${of}`,
      ...lines.map((line, n) => `    ${String(first + n).padStart(digits)} | ${plain(line)}`),
    ];
  });
}

function changes(value: JsonValue | undefined): string[] {
  return objectsIn(value).flatMap((change) => {
    const member = plain(textOf(change, 'member'));
    const { before = null, after = null } = change;
    if (before === null) return [`  + ${member}: ${shown(after)}`];
    if (after === null) return [`  - ${member}: ${shown(before)}`];
    return [`  ~ ${member}: ${shown(before)} → ${shown(after)}`];
  });
}

function shown(value: JsonValue): string {
  return plain(JSON.stringify(value));
}

function remedies(value: JsonValue | undefined): string[] {
  return objectsIn(value).flatMap((each) => [
    `  * ${plain(textOf(each, 'text'))}`,
    ...policies(each['policies']),
  ]);
}

/**
 * Breaks a line between words, the rest as far in as its last column began: columns are two blanks apart. Lines of policies
 * stay whole.
 */
function wrap(line: string, width: number | null): string {
  if (width === null || line.length <= width || /^ +\d+ \| /.test(line)) return line;
  const indent = /^ *(?:[*+~-] )?(?:\S+(?: \S+)* {2,})*/.exec(line)?.[0].length ?? 0;
  const rows: string[] = [];
  let row = '';
  for (const word of line.slice(indent).split(' ')) {
    if (row !== '' && indent + row.length + 1 + word.length > width) {
      rows.push(row);
      row = word;
    } else row = row === '' ? word : `${row} ${word}`;
  }
  return [...rows, row]
    .map((each, n) => (n === 0 ? line.slice(0, indent) : ' '.repeat(indent)) + each)
    .join('\n');
}
