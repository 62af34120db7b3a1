import type { DetailedError, ValidationError } from '@cedar-policy/cedar-wasm/nodejs';
import { intendedAnnotation } from './annotations.js';
import { type PolicySource, UncompilablePolicy, readSet } from './compile.js';
import { withCedar } from './engine.js';
import type { CompileFault, ReadPolicy } from './read-module.js';
import { offsetOfByte, positionAt } from './text-position.js';
import type { ZoneSchema } from './zone-schema.js';

/** Something about a policy that its author should know. */
export interface Fault extends CompileFault {
  /** Whose text line and column are of, if not that of the module called `policy`. */
  readonly module?: string;
}

/** What is wrong with policies, and what only seems to be. */
export interface Validation {
  readonly errors: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** What is asked of policies beyond the schema. */
export interface ValidationRules {
  /** Whether each policy must say its `@id`: what verdicts call it should not depend on its place. */
  readonly requireIds: boolean;
}

const AUTHORING: ValidationRules = { requireIds: true };
const MAX_FAULTS = 100;

/**
 * Validates policies as they are written: that they compile, that they ask only what the schema knows,
 * in Cedar's strict mode, and that each can match something (a warning).
 *
 * A set may compile and not be valid: decisions need no schema (schema.ts says why).
 */
export function validate(
  modules: readonly PolicySource[],
  schema: ZoneSchema,
  { requireIds }: ValidationRules = AUTHORING,
): Validation {
  const read = readOrExplain(modules);
  if ('errors' in read) return read;
  const { policies } = read;
  const contents = new Map(modules.map(({ id, content }) => [id, content]));
  const answer = withCedar((cedar) =>
    cedar.validate({
      schema,
      validationSettings: { mode: 'strict' },
      policies: { staticPolicies: Object.fromEntries(policies.map(({ id, text }) => [id, text])) },
    }),
  );
  if (answer.type === 'failure') {
    return { errors: answer.errors.map(({ message }) => ({ policy: '*', message })), warnings: [] };
  }
  const placed = (findings: readonly ValidationError[]) => inOrder(findings, policies, contents);
  return {
    errors: [
      ...(requireIds ? withoutId(policies, contents) : []),
      ...placed(answer.validationErrors),
    ].slice(0, MAX_FAULTS),
    warnings: [
      ...misspelt(policies, contents),
      ...placed(answer.validationWarnings),
      ...answer.otherWarnings.map(({ message }) => ({ policy: '*', message })),
    ].slice(0, MAX_FAULTS),
  };
}

function readOrExplain(
  modules: readonly PolicySource[],
): Validation | { readonly policies: readonly ReadPolicy[] } {
  try {
    return { policies: readSet(modules) };
  } catch (error) {
    if (!(error instanceof UncompilablePolicy)) throw error;
    return { errors: error.errors, warnings: [] };
  }
}

type Contents = ReadonlyMap<string, string>;

function withoutId(policies: readonly ReadPolicy[], contents: Contents): Fault[] {
  return policies
    .filter(({ annotations }) => !annotations.includes('id'))
    .map((policy) =>
      faultAt(policy, contents, 0, {
        message: 'a policy needs an @id',
        help: 'as in @id("payments-need-mfa"), of its own in the set',
      }),
    );
}

function misspelt(policies: readonly ReadPolicy[], contents: Contents): Fault[] {
  return policies.flatMap((policy) =>
    policy.annotations.flatMap((annotation) => {
      const meant = intendedAnnotation(annotation);
      if (meant === null) return [];
      const message = `@${annotation} means nothing`;
      return faultAt(policy, contents, 0, { message, help: `did you mean @${meant}?` });
    }),
  );
}

/** In the order of the text, where Cedar has that of a hash table. */
function inOrder(
  findings: readonly ValidationError[],
  policies: readonly ReadPolicy[],
  contents: Contents,
): Fault[] {
  const errorsOf = new Map<string, DetailedError[]>();
  for (const { policyId, error } of findings) {
    errorsOf.set(policyId, [...(errorsOf.get(policyId) ?? []), error]);
  }
  return policies.flatMap((policy) =>
    (errorsOf.get(policy.id) ?? [])
      .toSorted((a, b) => startOf(a) - startOf(b))
      .map((error) => {
        const [at] = error.sourceLocations ?? [];
        const help = error.help ?? at?.label;
        return faultAt(policy, contents, startOf(error), {
          message: withoutName(error.message, policy.id),
          ...(help && { help: withoutName(help, policy.id) }),
        });
      }),
  );
}

function startOf({ sourceLocations: [at] = [] }: DetailedError): number {
  return at?.start ?? 0;
}

function faultAt(
  { id, module, offset, text }: ReadPolicy,
  contents: Contents,
  byte: number,
  wording: Pick<Fault, 'message' | 'help'>,
): Fault {
  const position = positionAt(contents.get(module) ?? '', offset + offsetOfByte(text, byte));
  return { policy: id, ...(module !== id && { module }), ...wording, ...position };
}

/** The policy is named beside the message. */
function withoutName(message: string, id: string): string {
  return message.replace(`for policy \`${id}\`, `, '');
}
