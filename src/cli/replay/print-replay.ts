import type { JsonObject } from '../../oauth/strict-json.js';
import { isObject, listOf, objectOf, textOf } from '../api/json.js';
import { cellOf, plain } from '../print/cells.js';
import { layOut } from '../print/table.js';

/** Rows of differences that people are shown. */
const SHOWN = 20;

/** What a replay has come to, in words. @param width of a line; `null` for as long as it takes */
export function replayText(replay: JsonObject, width: number | null): string {
  const state = textOf(replay, 'state');
  const { decisions, requests } = objectOf(replay['progress']);
  const span = `from ${cellOf(replay['from'])} to ${cellOf(replay['to'])}`;
  return [
    `replay ${plain(textOf(replay, 'id'))} is ${state}${reason(replay)}`,
    `${cellOf(decisions)} decisions of ${cellOf(requests)} requests ${span}`,
    `${cellOf(replay['changed'])} would be other ones${kinds(replay)}`,
    ...unknown(replay),
    ...rows(replay, width),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function reason(replay: JsonObject): string {
  const stopped = textOf(replay, 'stopped_by');
  if (stopped !== '') {
    return `, not back to its beginning: it ended at the most that it may come to (${plain(stopped)})`;
  }
  const problem = textOf(replay, 'problem');
  return problem === '' ? '' : `: ${plain(problem)}`;
}

function kinds(replay: JsonObject): string {
  const changes = Object.entries(objectOf(replay['changes']));
  if (changes.length === 0) return '';
  return `: ${changes.map(([kind, count]) => `${inWords(kind)} ${cellOf(count)}`).join(', ')}`;
}

const WHY: Readonly<Record<string, string>> = {
  policy_not_asked: 'requests were refused before policy was asked',
  policy_unusable: 'requests came while the active policies could not be used',
  input_unknown: 'decisions were not recorded in a form that is known',
  too_slow: 'decisions took too long',
};

function unknown(replay: JsonObject): string[] {
  return Object.entries(objectOf(replay['not_replayed']))
    .filter(([, count]) => count !== 0)
    .map(([why, count]) => `not made again: ${cellOf(count)} ${WHY[why] ?? inWords(why)}`);
}

function rows(replay: JsonObject, width: number | null): string[] {
  const differences = listOf(replay['differences']).filter((one) => isObject(one));
  if (differences.length === 0) return [];
  const shown = differences.slice(0, SHOWN).map((one) => {
    const [example] = listOf(one['examples']);
    const client = textOf(one, 'client') || textOf(one, 'client_id');
    return [
      inWords(textOf(one, 'kind')),
      cellOf(one['count']),
      plain(client),
      plain(textOf(one, 'resource')),
      cellOf(example),
    ];
  });
  const titles = ['what', 'how many', 'client', 'resource', 'such as request'];
  const more = differences.length - shown.length;
  return [
    '',
    ...layOut([titles, ...shown], width, new Set([4])).lines,
    ...(more > 0 ? [`and ${more} more: --json has all`] : []),
  ];
}

function inWords(kind: string): string {
  return plain(kind).replaceAll('_', ' ');
}
