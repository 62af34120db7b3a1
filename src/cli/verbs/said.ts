import type { JsonObject, JsonValue } from '../../oauth/strict-json.js';
import { InvalidJson, readStrictJson } from '../../oauth/strict-json.js';
import { isObject, listOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import type { Field } from '../nouns/noun.js';
import { EXIT } from '../command-result.js';
import { memberOf } from '../print/things.js';

/** What a command line says of one thing, beside the options of its noun. */
export interface Said {
  /** A file with a JSON object. */
  readonly from?: string;
  /** `member=value` each. */
  readonly set?: readonly string[];
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  /** Members. */
  readonly unset?: readonly string[];
}

/** Options by their names in camel case, as they were given. */
export type Options = Readonly<Record<string, unknown>>;

/** The name under which the parser keeps an option: `--display-name <name>` is `displayName`. */
export function attributeOf(flags: string): string {
  const [, name = ''] = /--([a-z0-9-]+)/.exec(flags) ?? [];
  return name.replace(/-([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase());
}

/**
 * Builds the body of a request of what was said: what is in the file, then options, then `--set`, `--unset`, `--add` and
 * `--remove`.
 *
 * @param before what there is; `null` if it is to be made
 * @throws {CommandFailure} for what cannot be read
 */
export async function bodyOf(
  context: CommandContext,
  fields: readonly Field[],
  options: Options & Said,
  before: JsonObject | null,
): Promise<JsonObject> {
  const body: Record<string, JsonValue> =
    options.from === undefined
      ? {}
      : { ...asObject(await context.read(options.from), options.from) };
  for (const field of fields) {
    const given = options[attributeOf(field.flags)];
    if (given !== undefined) put(body, field.member, await valueOf(context, field, given));
  }
  for (const each of options.set ?? []) {
    const [member, text] = split(each, '--set');
    put(body, member, looseValue(text));
  }
  for (const member of options.unset ?? []) put(body, member, null);
  for (const [option, texts] of [
    ['--add', options.add],
    ['--remove', options.remove],
  ] as const) {
    for (const each of texts ?? []) {
      const [member, text] = split(each, option);
      const value = looseValue(text);
      const present = memberOf(body, member) ?? memberOf(before ?? {}, member);
      if (present !== undefined && present !== null && !Array.isArray(present)) {
        throw new CommandFailure(EXIT.usage, `${option} ${each}: ${member} is no list`);
      }
      const others = listOf(present).filter((element) => !isSame(element, value));
      if (option === '--remove' && others.length === listOf(present).length) {
        throw new CommandFailure(EXIT.usage, `--remove ${each}: there is no such ${member}`);
      }
      put(body, member, option === '--add' ? [...others, value] : others);
    }
  }
  return body;
}

async function valueOf(context: CommandContext, field: Field, given: unknown): Promise<JsonValue> {
  const { kind, flags, refersTo, all: everything } = field;
  if (kind === 'flag') return given === true;
  if (kind === 'list') {
    const all = listOf(given).map(String);
    if (refersTo === undefined) return all;
    const ids: string[] = [];
    for (const each of all) {
      ids.push(each === everything ? each : await context.idOf(refersTo, each));
    }
    return ids;
  }
  const text = String(given);
  if (refersTo !== undefined) return context.idOf(refersTo, text);
  if (kind === 'number') {
    if (/^-?[0-9]{1,15}$/.test(text)) return Number(text);
    throw new CommandFailure(EXIT.usage, `${flags}: ${JSON.stringify(text)} is no whole number`);
  }
  if (kind === 'json') return asJson(text, flags);
  if (kind === 'file') return context.read(text);
  if (kind === 'json-file') return asJson(await context.read(text), text);
  return text;
}

/** JSON if it is JSON, and else the text itself. */
function looseValue(text: string): JsonValue {
  try {
    return readStrictJson(text);
  } catch {
    return text;
  }
}

function asJson(text: string, where: string): JsonValue {
  try {
    return readStrictJson(text);
  } catch (error) {
    if (!(error instanceof InvalidJson)) throw error;
    throw new CommandFailure(EXIT.usage, `${where} is no JSON that can be taken (${error.reason})`);
  }
}

function asObject(text: string, where: string): JsonObject {
  const value = asJson(text, where);
  if (isObject(value)) return value;
  throw new CommandFailure(EXIT.usage, `${where} has to hold a JSON object`);
}

function split(text: string, option: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new CommandFailure(EXIT.usage, `${option} ${text}: member=value is expected`);
}

/** Sets a member, dotted if it is deeper. */
function put(body: Record<string, JsonValue>, path: string, value: JsonValue): void {
  const [first = '', ...rest] = path.split('.');
  if (rest.length === 0) {
    body[first] = value;
    return;
  }
  const inner = body[first];
  const within: Record<string, JsonValue> = isObject(inner) ? { ...inner } : {};
  put(within, rest.join('.'), value);
  body[first] = within;
}

function isSame(one: JsonValue, other: JsonValue): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
