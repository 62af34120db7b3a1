import type { DetailedError, ValidationError } from '@cedar-policy/cedar-wasm/nodejs';
import { intendedAnnotation } from './annotations.js';
import { type PolicySource, UncompilablePolicy, readSet } from './compile.js';
import { withCedar } from './engine.js';
import type { CompileFault, ReadPolicy } from './read-module.js';
import { offsetOfByte, positionAt } from './text-position.js';
import type { ZoneSchema } from './zone-schema.js';

/** An error or warning about a policy. */
export interface Fault extends CompileFault {
  /** The module that line and column refer to, if not the one called `policy`. */
  readonly module?: string;
}

/** The result of a validation. Policies with warnings only are valid. */
export interface Validation {
  readonly errors: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** Rules for policies beyond the schema. */
export interface ValidationRules {
  /** Whether each policy must have an `@id`: its name in verdicts should not depend on its place. */
  readonly requireIds: boolean;
}

const AUTHORING: ValidationRules = { requireIds: true };
const MAX_FAULTS = 100;

/**
 * Validates policies for their authors: that they compile, that they use only what the schema has, in
 * Cedar's strict mode, and that each can match something (a warning).
 *
 * A set may compile and not be valid: decisions need no schema (schema.ts says why).
 *
 * @param modules the policies of one set
 * @param schema of the zone, from `zoneSchema`
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
      ...uselessPermits(policies, contents),
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

/** To introspect is permitted where no forbid says otherwise, so a permit that is of nothing else says nothing. */
function uselessPermits(policies: readonly ReadPolicy[], contents: Contents): Fault[] {
  return policies
    .filter((policy) => policy.isOfIntrospection && policy.compiled.effect === 'permit')
    .map((policy) =>
      faultAt(policy, contents, 0, {
        message: 'a permit of Action::"Introspect" adds nothing',
        help: 'it is permitted to whoever may know, unless a forbid says otherwise',
      }),
    );
}

/** Cedar's findings in the order of the text; Cedar's own order is that of a hash table. */
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
    onceForAllActions(errorsOf.get(policy.id) ?? [])
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

/** Cedar says of each action what is wrong; what is wrong for both is said of the one that policies are about. */
function onceForAllActions(errors: readonly DetailedError[]): readonly DetailedError[] {
  const ofExchange = new Set(errors.map(({ message }) => message));
  return errors.filter(({ message }) => {
    const twin = message.replace('Action::"Introspect"', 'Action::"TokenExchange"');
    return twin === message || !ofExchange.has(twin);
  });
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

/** A message of Cedar without the name of the policy, which is a member of its own. */
function withoutName(message: string, id: string): string {
  return message.replace(`for policy \`${id}\`, `, '');
}
