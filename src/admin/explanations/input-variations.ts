import type { PolicyInput } from '../../policy/engine/input.js';

/** The same request but for one thing, as policy is asked about it. */
export interface InputVariation {
  /** What is different, as advice. */
  readonly text: string;
  readonly inputs: readonly PolicyInput[];
}

/** The most variations that are tried: each is as dear as the request was. */
const MOST = 12;

/**
 * What the caller of a request could have asked for instead: one of its resources, fewer scopes, no named life; and the
 * same once it is confirmed. Who asks and when stays as it was.
 *
 * @param inputs what policy was asked, one for each resource
 */
export function inputVariations(inputs: readonly PolicyInput[]): InputVariation[] {
  const [first] = inputs;
  if (first === undefined) return [];
  const scopes = first.context.requested_scopes;
  const varied: InputVariation[] = [];
  const vary = (text: string, context: Partial<PolicyInput['context']>): void => {
    varied.push({
      text,
      inputs: inputs.map((input) => ({ ...input, context: { ...input.context, ...context } })),
    });
  };
  if (inputs.length > 1) {
    for (const input of inputs) {
      const text = `Asked for ${input.resource.identifier} alone, policy permits it.`;
      varied.push({ text, inputs: [input] });
    }
  }
  if (scopes.length > 1) {
    for (const scope of scopes) {
      const rest = scopes.filter((one) => one !== scope);
      vary(`Asked without the scope ${scope}, policy permits it.`, { requested_scopes: rest });
    }
    if (scopes.length > 2) {
      for (const scope of scopes) {
        vary(`Asked for the scope ${scope} alone, policy permits it.`, {
          requested_scopes: [scope],
        });
      }
    }
  }
  if (scopes.length > 0) {
    vary('Asked for no scope, policy permits it.', { requested_scopes: [] });
  }
  if (!first.context.challenge_resolved) {
    vary('Once it is confirmed, policy permits it.', { challenge_resolved: true });
  }
  if (first.context.requested_ttl_seconds !== undefined) {
    varied.push({
      text: 'Asked for no particular life, policy permits it.',
      inputs: inputs.map((input) => {
        const { requested_ttl_seconds: _, ...context } = input.context;
        return { ...input, context };
      }),
    });
  }
  return varied.slice(0, MOST);
}
