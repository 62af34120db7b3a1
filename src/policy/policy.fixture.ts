import { type CompiledPolicySet, compile } from './engine/compile.js';
import type { JsonObject, PolicyInput } from './engine/input.js';

/** The members of an input that a test sets. */
type Knobs = Partial<Omit<PolicyInput, 'principal' | 'resource' | 'context'>> & {
  principal?: Partial<PolicyInput['principal']>;
  resource?: Partial<PolicyInput['resource']>;
  context?: Partial<PolicyInput['context']>;
};

/** An input as an exchange makes it, with some members set. */
export function input({ principal, resource, context, ...rest }: Knobs = {}): PolicyInput {
  return {
    schema_version: '1',
    principal: { type: 'Application', id: 'app-1', zone_id: 'zone-1', ...principal },
    resource: {
      type: 'Resource',
      id: 'res-1',
      identifier: 'https://api.example.com',
      scopes: ['read', 'write'],
      ...resource,
    },
    action: { id: 'TokenExchange' },
    context: {
      actor_claims: { sub: 'app-1' },
      requested_scopes: ['read'],
      challenge_resolved: false,
      ...context,
    },
    ...rest,
  };
}

/** A compiled set of one module per text, called m0, m1, and so on. */
export function set(...contents: string[]): CompiledPolicySet {
  return compile(contents.map((content, n) => ({ id: `m${n}`, content })));
}

/** An object nested in an object, so many levels deep. */
export function nested(levels: number): JsonObject {
  let object: JsonObject = {};
  for (let n = 0; n < levels; n += 1) object = { a: object };
  return object;
}
