import type { JsonObject, JsonValue } from '../../oauth/strict-json.js';
import { isObject, listOf, objectOf, textOf } from '../api/json.js';
import { cellOf, plain } from '../print/cells.js';
import { layOut } from '../print/table.js';

/** Rows of each kind that people are shown. */
const SHOWN = 20;

/** What an access analysis has found, and what it advises, in words. @param width of a line; `null` for as long as it takes */
export function adviceText(analysis: JsonObject, width: number | null): string {
  const { requests, uses } = objectOf(analysis['progress']);
  const head = [
    `analysis ${plain(textOf(analysis, 'id'))} is ${textOf(analysis, 'state')}${reason(analysis)}`,
    `${cellOf(uses)} uses in ${cellOf(requests)} requests from ${cellOf(analysis['from'])} to ${cellOf(analysis['to'])}`,
    `the log has everything since ${cellOf(analysis['log_complete_since'])}`,
  ];
  const { advice } = analysis;
  const rest = isObject(advice) ? found(advice, width) : nothing(analysis);
  return [...head, ...rest].map((line) => `${line}\n`).join('');
}

/** What a replay of the advised policy has found. */
export function provenText(advice: JsonObject): string {
  const policy = objectOf(advice['policy']);
  const replay = policy['replay'];
  if (!isObject(replay)) return '';
  const unknown =
    replay['unknown'] === 0 ? '' : `, and ${cellOf(replay['unknown'])} could not be made again`;
  return `by that policy ${cellOf(replay['changed'])} of ${cellOf(replay['decisions'])} decisions would be other ones${unknown}\n`;
}

function reason(analysis: JsonObject): string {
  const stopped = textOf(analysis, 'stopped_by');
  if (stopped !== '') {
    return `, not back to its beginning: it ended at the most that it may come to (${plain(stopped)})`;
  }
  const problem = textOf(analysis, 'problem');
  return problem === '' ? '' : `: ${plain(problem)}`;
}

/** Why nothing is advised of what was looked at; nothing where that is said already. */
function nothing(analysis: JsonObject): string[] {
  if (analysis['complete'] !== true) return [];
  const unknown = objectOf(analysis['not_known'])['input_unknown'];
  return unknown === 0
    ? ['nothing is advised by less than a day of the log']
    : [`nothing is advised: ${cellOf(unknown)} decisions are in no form that is known`];
}

function found(advice: JsonObject, width: number | null): string[] {
  const young = Object.entries(objectOf(advice['too_young']))
    .filter(([, many]) => many !== 0)
    .map(([kind, many]) => `${cellOf(many)} ${plain(kind)}`);
  const policy = advice['policy'];
  return [
    ...table('resources that nobody used', rowsOf(advice, 'resources'), width, [
      ['resource', 'resource'],
      ['scopes', 'scopes'],
    ]),
    ...table('scopes that nobody used', rowsOf(advice, 'scopes'), width, [
      ['resource', 'resource'],
      ['unused_scopes', 'not used'],
      ['used_scopes', 'used'],
    ]),
    ...table('clients that used nothing', rowsOf(advice, 'clients'), width, [
      ['client', 'client'],
      ['client_id', 'id'],
    ]),
    ...table(
      'scopes that a client is granted and did not use',
      rowsOf(advice, 'client_scopes'),
      width,
      [
        ['client', 'client'],
        ['resource', 'resource'],
        ['unused_scopes', 'not used'],
        ['used_scopes', 'used'],
      ],
    ),
    ...table(
      'delegations that were not used for all that they are for',
      rowsOf(advice, 'delegations'),
      width,
      [
        ['delegation_edge_id', 'delegation'],
        ['uses', 'uses'],
        ['unused_scopes', 'scopes not used'],
        ['unused_resources', 'resources not used'],
      ],
    ),
    ...narrower(rowsOf(advice, 'wide_clients').length),
    ...(young.length === 0
      ? []
      : ['', `nothing is said of what was made or changed since then: ${young.join(', ')}`]),
    ...listOf(advice['more']).map(
      (kind) => `there are more ${inWords(cellOf(kind))} than are shown`,
    ),
    ...(isObject(policy)
      ? ['', `policy ${plain(textOf(policy, 'name'))}:`, '', plainLines(textOf(policy, 'content'))]
      : ['', 'no policy is advised']),
  ];
}

function narrower(many: number): string[] {
  if (many === 0) return [];
  const clients = many === 1 ? '1 client has' : `${many} clients have`;
  return [
    '',
    `${clients} wider scopes or audience than were used: --json has the requests that narrow them`,
  ];
}

function table(
  title: string,
  rows: readonly JsonObject[],
  width: number | null,
  columns: readonly (readonly [member: string, title: string])[],
): string[] {
  if (rows.length === 0) return [];
  const cells = rows
    .slice(0, SHOWN)
    .map((row) => columns.map(([member]) => plain(wordsOf(row[member]))));
  const whole = new Set(columns.flatMap(([member], n) => (member.endsWith('_id') ? [n] : [])));
  const more = rows.length - cells.length;
  return [
    '',
    `${title}:`,
    ...layOut([columns.map(([, name]) => name), ...cells], width, whole).lines,
    ...(more > 0 ? [`and ${more} more: --json has all`] : []),
  ];
}

function rowsOf(advice: JsonObject, kind: string): JsonObject[] {
  return listOf(advice[kind]).filter((one) => isObject(one));
}

function wordsOf(value: JsonValue | undefined): string {
  return Array.isArray(value) ? value.map((each) => cellOf(each)).join(' ') : cellOf(value);
}

/** A text of several lines, of which each is fit to be shown. */
function plainLines(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => plain(line))
    .join('\n');
}

function inWords(kind: string): string {
  return plain(kind).replaceAll('_', ' ');
}
