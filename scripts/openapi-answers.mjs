// What each handler of a controller answers, as JSON schemas, derived from the TypeScript types that they return: so
// the OpenAPI document says of an answer what the compiler has checked. A handler that writes its answer itself says
// its type by the decorator `Answers<T>`.
import ts from 'typescript';

const HTTP_METHODS = new Set(['Get', 'Post', 'Put', 'Patch', 'Delete']);

/** Tags of doc comments that are told as they are, and how their text is read. */
const TAGS = {
  format: (text) => text,
  pattern: (text) => text,
  minimum: Number,
  maximum: Number,
  minLength: Number,
  maxLength: Number,
  minItems: Number,
  maxItems: Number,
};

/** What in a handler gives an answer a header. */
const HEADERS = { ETag: /\btagged\(|'ETag'/, Location: /\.location\(|'Location'/ };

/**
 * @param {ts.Program} program
 * @returns {{
 *   handlers: Record<string, { schema: object | false | null, headers: string[] }>,
 *   schemas: Record<string, object>,
 *   clashes: string[],
 * }} what each handler answers by `Controller.method`, with a schema of `null` where there is no body,
 *   and of `false` where there is no success; the schemas that
 *   have a name; and the names that two different types or handlers have
 */
export function describeAnswers(program) {
  const checker = program.getTypeChecker();
  const schemas = new Schemas(checker);
  const handlers = {};
  for (const file of program.getSourceFiles()) {
    if (!file.fileName.endsWith('.controller.ts')) continue;
    for (const declared of file.statements.filter(ts.isClassDeclaration)) {
      for (const method of declared.members.filter(ts.isMethodDeclaration)) {
        const decorators = decoratorsOf(method);
        if (!decorators.some(({ name }) => HTTP_METHODS.has(name))) continue;
        const told = decorators.find(({ name }) => name === 'Answers')?.types[0];
        const type =
          told === undefined ? awaited(checker, method) : checker.getTypeFromTypeNode(told);
        const body = method.body?.getText(file) ?? '';
        const name = `${declared.name.text}.${method.name.getText(file)}`;
        if (name in handlers) schemas.clashes.push(name);
        handlers[name] = {
          // What never answers has the schema of nothing.
          schema: type.flags & ts.TypeFlags.Never ? false : schemas.of(type),
          headers: Object.keys(HEADERS).filter((header) => HEADERS[header].test(body)),
        };
      }
    }
  }
  return { handlers, schemas: schemas.named, clashes: schemas.clashes };
}

function decoratorsOf(node) {
  return (ts.getDecorators(node) ?? [])
    .map(({ expression }) => expression)
    .filter(ts.isCallExpression)
    .map(({ expression, typeArguments }) => ({
      name: expression.getText(),
      types: typeArguments ?? [],
    }));
}

function awaited(checker, method) {
  const returned = checker.getReturnTypeOfSignature(checker.getSignatureFromDeclaration(method));
  return checker.getAwaitedType(returned) ?? returned;
}

/** Schemas of types, as what `JSON.stringify` makes of their values. */
class Schemas {
  named = {};
  clashes = [];
  /** The type that each name was given for. */
  #types = new Map();
  /** The types whose schemas are being made. */
  #open = new Set();

  constructor(checker) {
    this.checker = checker;
  }

  /** @returns the schema, or `null` for what is not written at all; of a type without a name, inside itself, nothing is said */
  of(type) {
    // Of a union each part is looked at: one with itself inside has it in a part.
    if (type.isUnion()) return this.#schemaOf(type);
    if (this.#open.has(type)) return this.#refTo(type) ?? {};
    this.#open.add(type);
    try {
      return this.#schemaOf(type);
    } finally {
      this.#open.delete(type);
    }
  }

  #schemaOf(type) {
    const { flags } = type;
    if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
    // Any JSON, which is made of itself.
    if (type.aliasSymbol?.name === 'JsonValue') return {};
    if (flags & (ts.TypeFlags.VoidLike | ts.TypeFlags.Never)) return null;
    if (flags & ts.TypeFlags.Null) return { type: 'null' };
    if (type.isStringLiteral()) return { type: 'string', enum: [type.value] };
    if (type.isNumberLiteral()) return { type: 'integer', enum: [type.value] };
    if (flags & ts.TypeFlags.BooleanLiteral) {
      return { type: 'boolean', enum: [type.intrinsicName === 'true'] };
    }
    if (flags & ts.TypeFlags.BooleanLike) return { type: 'boolean' };
    if (flags & ts.TypeFlags.StringLike) return { type: 'string' };
    if (flags & ts.TypeFlags.NumberLike) return { type: 'integer' };
    if (type.isUnion()) return this.#union(type);
    if (flags & ts.TypeFlags.TypeParameter) {
      return this.of(this.checker.getBaseConstraintOfType(type) ?? this.checker.getUnknownType());
    }
    if (type.isIntersection()) {
      const primitive = type.types.find((one) => !(one.flags & ts.TypeFlags.Object));
      if (primitive !== undefined) return this.of(primitive);
    }
    return this.#object(type);
  }

  #refTo(type) {
    const name = type.flags & ts.TypeFlags.Object ? this.#nameOf(type) : null;
    return name === null || !(name in this.named) ? null : { $ref: `#/components/schemas/${name}` };
  }

  #union(type) {
    const parts = [];
    const literals = [];
    let nullable = false;
    const flags = type.types.reduce((all, one) => all | one.flags, 0);
    const isBoolean = type.types.filter((one) => one.flags & ts.TypeFlags.BooleanLiteral).length;
    for (const one of type.types) {
      if (one.flags & ts.TypeFlags.Null) nullable = true;
      else if (one.flags & ts.TypeFlags.BooleanLiteral && isBoolean === 2) continue;
      else if (one.isStringLiteral() || one.isNumberLiteral()) literals.push(one.value);
      else {
        const schema = this.of(one);
        if (schema !== null) parts.push(schema);
      }
    }
    if (isBoolean === 2) parts.push({ type: 'boolean' });
    for (const kind of ['string', 'number']) {
      const values = literals.filter((value) => typeof value === kind);
      const wide = kind === 'string' ? ts.TypeFlags.String : ts.TypeFlags.Number;
      if (values.length > 0 && !(flags & wide)) {
        parts.push({ type: kind === 'string' ? kind : 'integer', enum: values });
      }
    }
    if (parts.length === 0) return nullable ? { type: 'null' } : null;
    const different = [...new Map(parts.map((one) => [JSON.stringify(one), one])).values()];
    if (different.length === 1) {
      const [only] = different;
      if (!nullable) return only;
      if (typeof only.type === 'string') {
        return {
          ...only,
          type: [only.type, 'null'],
          ...(only.enum === undefined ? {} : { enum: [...only.enum, null] }),
        };
      }
    }
    if (different.some((one) => Object.keys(one).length === 0)) return {};
    return { anyOf: [...different, ...(nullable ? [{ type: 'null' }] : [])] };
  }

  #object(type) {
    const { checker } = this;
    if (checker.isArrayType(type)) {
      return { type: 'array', items: this.of(checker.getTypeArguments(type)[0]) ?? {} };
    }
    if (checker.isTupleType(type)) {
      const items = checker.getTypeArguments(type).map((one) => this.of(one) ?? {});
      const fixed = type.target.minLength;
      const different = [...new Map(items.map((one) => [JSON.stringify(one), one])).values()];
      return {
        type: 'array',
        items: different.length === 1 ? different[0] : { anyOf: different },
        minItems: fixed,
        ...(type.target.hasRestElement ? {} : { maxItems: items.length }),
      };
    }
    if (type.symbol?.name === 'Date') return { type: 'string', format: 'date-time' };
    const toJson = checker.getPropertyOfType(type, 'toJSON');
    if (toJson !== undefined) {
      const [signature] = checker.getTypeOfSymbol(toJson).getCallSignatures();
      if (signature !== undefined) return this.of(checker.getReturnTypeOfSignature(signature));
    }
    if (type.getCallSignatures().length > 0) return null;
    const name = this.#nameOf(type);
    if (name === null) return this.#members(type);
    const known = this.#types.get(name);
    if (known === undefined) {
      this.#types.set(name, type);
      // Before its members, which may be of the same type.
      this.named[name] = {};
      this.named[name] = {
        ...describe(type.aliasSymbol ?? type.symbol, checker),
        ...this.#members(type),
      };
    } else if (known !== type && !this.#isSame(type, name)) {
      this.clashes.push(name);
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #members(type) {
    const { checker } = this;
    const properties = {};
    const required = [];
    for (const symbol of checker.getPropertiesOfType(type)) {
      if (symbol.name.startsWith('__@')) continue;
      const of = checker.getTypeOfSymbol(symbol);
      const schema = this.of(of);
      if (schema === null) continue;
      const optional =
        symbol.flags & ts.SymbolFlags.Optional ||
        of.flags & ts.TypeFlags.Undefined ||
        (of.isUnion() && of.types.some((one) => one.flags & ts.TypeFlags.Undefined));
      if (!optional) required.push(symbol.name);
      const { number, ...described } = describe(symbol, checker);
      properties[symbol.name] = { ...(number ? asNumber(schema) : schema), ...described };
    }
    const index = checker.getIndexInfoOfType(type, ts.IndexKind.String);
    return {
      type: 'object',
      ...(Object.keys(properties).length === 0 ? {} : { properties }),
      ...(required.length === 0 ? {} : { required }),
      ...(index === undefined ? {} : { additionalProperties: this.of(index.type) ?? {} }),
    };
  }

  /** Whether a type has the members of one that got the name before, as an alias of an alias does. */
  #isSame(type, name) {
    const { description: _, ...known } = this.named[name];
    return JSON.stringify(this.#members(type)) === JSON.stringify(known);
  }

  /** `ClientView`, or `ClientViewPage` for `Page<ClientView>`; `null` for what has none. */
  #nameOf(type) {
    const symbol = type.aliasSymbol ?? type.symbol;
    if (symbol === undefined || symbol.name.startsWith('__')) return null;
    const args =
      type.aliasSymbol === undefined
        ? this.checker.getTypeArguments(type)
        : (type.aliasTypeArguments ?? []);
    const generic = args.filter((one) => !(one.flags & ts.TypeFlags.TypeParameter));
    // What maps members, such as Omit, and dictionaries are no things of their own.
    if (
      symbol.declarations?.some((one) =>
        /typescript\/lib\/lib\./.test(one.getSourceFile().fileName),
      )
    )
      return null;
    const names = generic.map((one) =>
      one.flags & ts.TypeFlags.Object ? this.#nameOf(one) : null,
    );
    if (names.includes(null)) return null;
    return [...names, symbol.name].join('');
  }
}

/** What is no whole number says so by the tag `@number`: nearly all are. */
function asNumber(schema) {
  return JSON.parse(JSON.stringify(schema).replaceAll('"integer"', '"number"'));
}

/** What the doc comment of a type or a member says. */
function describe(symbol, checker) {
  if (symbol === undefined) return {};
  const text = ts
    .displayPartsToString(symbol.getDocumentationComment(checker))
    .replaceAll(/\{@link ([^}|]+)(\|[^}]*)?\}/g, '$1')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim();
  const tags = {};
  for (const { name, text: parts } of symbol.getJsDocTags(checker)) {
    const value = ts.displayPartsToString(parts).trim();
    if (name in TAGS) tags[name] = TAGS[name](value);
    if (name === 'number') tags.number = true;
    if (name === 'example') (tags.examples ??= []).push(valueOf(value));
  }
  return { ...(text === '' ? {} : { description: text }), ...tags };
}

/** An example: JSON where it is some, else the text. */
function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
