import type { CommonType, DetailedError, SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { findTooDeep } from './complexity.js';
import { withCedar } from './engine.js';
import { isWellFormed } from './input.js';
import { type CompileFault, withRelated } from './read-module.js';
import { EXTENSIBLE_TYPES, SCHEMA } from './schema.js';
import { offsetOfByte, positionAt } from './text-position.js';

/** The Cedar schema of a zone. */
export type ZoneSchema = SchemaJson<string>;

/** Thrown for a schema extension that cannot be used. */
export class InvalidSchema extends Error {
  override readonly name = 'InvalidSchema';

  constructor(
    readonly errors: readonly CompileFault[],
    options?: ErrorOptions,
  ) {
    super(errors.map(({ message }) => message).join('; '), options);
  }
}

/** The most bytes of an extension. */
export const MAX_EXTENSION_BYTES = 16 * 1024;
/** The most attributes. Types may use types, and each use counts: twenty of them can make a million attributes. */
const MAX_ATTRIBUTES = 2_000;
const MAX_LEVELS = 16;

/** The primitive types that JSON can hold; it never becomes an entity or an extension value. */
const PRIMITIVES = new Set(['String', 'Long', 'Bool', 'Boolean']);

type CommonTypes = Record<string, CommonType<string>>;
type CedarType = CommonType<string>;

let base: ZoneSchema | undefined;

/**
 * The schema with a zone's extension: Cedar text that declares more attributes of `ActorClaims`,
 * `SubjectClaims`, `Constraints` and `DetailsByType`, and types for them.
 *
 * ```
 * type SubjectClaims = { department?: String, groups?: Set<String> };
 * ```
 *
 * The attributes must be optional, since an issuer need not send them.
 *
 * @throws {InvalidSchema}
 */
export function zoneSchema(extension = ''): ZoneSchema {
  base ??= read(SCHEMA);
  if (extension.trim() === '') return base;
  const added = typesOf(readExtension(extension));
  const types = { ...base['']?.commonTypes };
  for (const [name, type] of Object.entries(added)) {
    types[name] = isExtensible(name)
      ? mergeRecord(name, types[name], type)
      : newType(name, types, type);
  }
  const schema: ZoneSchema = {
    '': { entityTypes: {}, actions: {}, ...base[''], commonTypes: types },
  };
  const answer = withCedar((cedar) => cedar.checkParseSchema(schema));
  if (answer.type === 'failure') throw new InvalidSchema(faultsOf(answer.errors, extension));
  return schema;
}

function readExtension(extension: string): ZoneSchema {
  if (Buffer.byteLength(extension) > MAX_EXTENSION_BYTES) {
    throw refusal(`larger than ${MAX_EXTENSION_BYTES} bytes`);
  }
  if (!isWellFormed(extension)) throw refusal('not well-formed Unicode');
  // Texts on which the engine would fail must not reach it.
  const tooDeep = findTooDeep(extension);
  if (tooDeep) throw refusal(tooDeep.message, positionAt(extension, tooDeep.offset));
  return read(extension);
}

function read(text: string): ZoneSchema {
  const answer = withCedar((cedar) => cedar.schemaToJson(text));
  if (answer.type === 'success') return answer.json;
  throw new InvalidSchema(faultsOf(answer.errors, text));
}

/** The types that an extension declares; it must not declare anything else. */
function typesOf(extension: ZoneSchema): CommonTypes {
  const { '': plain, ...namespaces } = extension;
  const { commonTypes = {}, entityTypes = {}, actions = {} } = plain ?? {};
  const [namespace] = Object.keys(namespaces);
  if (namespace !== undefined) throw refusal(`namespace ${namespace}: only types can be added`);
  const [other] = [...Object.keys(entityTypes), ...Object.keys(actions)];
  if (other !== undefined) throw refusal(`${other}: only types can be added`);
  const attributes = Object.values(commonTypes).reduce(
    (sum, type) => sum + countAttributes(type, commonTypes, 0),
    0,
  );
  if (attributes > MAX_ATTRIBUTES) throw refusal(`more than ${MAX_ATTRIBUTES} attributes`);
  return commonTypes;
}

/** The number of attributes as Cedar counts them, every type in place of its name. Stops at the limit. */
function countAttributes(type: CedarType, types: CommonTypes, level: number): number {
  if (level > MAX_LEVELS) throw refusal(`nested beyond ${MAX_LEVELS} levels`);
  if ('element' in type) return countAttributes(type.element, types, level + 1);
  if ('attributes' in type) {
    let count = 0;
    for (const attribute of Object.values(type.attributes)) {
      count += 1 + countAttributes(attribute, types, level + 1);
      if (count > MAX_ATTRIBUTES) break;
    }
    return count;
  }
  const name = 'name' in type ? type.name : type.type;
  if (PRIMITIVES.has(name)) return 0;
  const named = Object.hasOwn(types, name) ? types[name] : undefined;
  if (named !== undefined) return countAttributes(named, types, level + 1);
  throw refusal(`${name} is nothing that a claim can be`, {
    help: 'claims are String, Long, Bool, Set<…> and records of these',
  });
}

function isExtensible(name: string): boolean {
  return EXTENSIBLE_TYPES.some((each) => each === name);
}

function mergeRecord(name: string, ours: CedarType | undefined, theirs: CedarType): CedarType {
  if (ours === undefined || !('attributes' in ours) || !('attributes' in theirs)) {
    throw refusal(`${name} is a record`);
  }
  for (const [attribute, { required = true }] of Object.entries(theirs.attributes)) {
    if (Object.hasOwn(ours.attributes, attribute)) {
      throw refusal(`${name}.${attribute} is declared already`);
    }
    if (required) {
      throw refusal(`${name}.${attribute} must be optional`, {
        help: `write ${attribute}?: a token may come without it`,
      });
    }
  }
  return { ...ours, attributes: { ...ours.attributes, ...theirs.attributes } };
}

function newType(name: string, types: CommonTypes, type: CedarType): CedarType {
  if (!Object.hasOwn(types, name)) return type;
  throw refusal(`${name} cannot be changed`, { help: `only ${EXTENSIBLE_TYPES.join(', ')} can` });
}

const SCHEMA_FAULT = 'schema';

function refusal(message: string, more: Partial<CompileFault> = {}): InvalidSchema {
  return new InvalidSchema([{ policy: SCHEMA_FAULT, message, ...more }]);
}

function faultsOf(errors: readonly DetailedError[], text: string): CompileFault[] {
  return withRelated(errors).map(({ message, help, sourceLocations: [at] = [] }) => {
    const hint = help ?? at?.label;
    return {
      policy: SCHEMA_FAULT,
      message: message.replace(/^failed to parse schema from string: /, ''),
      ...(hint && { help: hint }),
      ...(at && positionAt(text, offsetOfByte(text, at.start))),
    };
  });
}
