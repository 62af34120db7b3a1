import type { CompiledPolicySet } from './compile.js';
import { type Cost, costOfCalls, sumOf } from './cost.js';
import { entityOf } from './heads.js';
import { MAX_INPUT_BYTES } from './input.js';
import type { Parties } from './largest-inputs.js';

/**
 * Of whom and what a decision on the largest input may cost most; and a bound of what any decision costs:
 * `fixed + perByte * <bytes of the input>` nanoseconds. On small inputs others may cost more, so each half is the most
 * that it is for anyone.
 */
export function heaviest(set: CompiledPolicySet): Cost & { readonly parties: Parties } {
  const most = dearest(set, ({ fixed, perByte }) => fixed + perByte * MAX_INPUT_BYTES);
  const [fixed, perByte] = [
    dearest(set, (cost) => cost.fixed),
    dearest(set, (cost) => cost.perByte),
  ];
  const calls = Math.max(...[most, fixed, perByte].map(({ parties }) => callsFor(set, parties)));
  return {
    parties: most.parties,
    ...sumOf([{ fixed: fixed.cost, perByte: perByte.cost }, costOfCalls(calls)]),
  };
}

/** How often the engine is asked in a decision. */
function callsFor(set: CompiledPolicySet, { principal, resource }: Parties): number {
  const { slices } = set;
  return (
    slices.rounds *
    slices.partsFor({ principal, resource: { type: 'Resource', id: resource } }).length
  );
}

/**
 * The principal and the resource about which the dearest policies are. A decision takes the policies of both, those of
 * either with any other, and those of any, which are there whoever asks for what.
 */
function dearest(
  { slices }: CompiledPolicySet,
  costOf: (cost: Cost) => number,
): { readonly parties: Parties; readonly cost: number } {
  const ofPrincipal = new Map<string | null, number>([[null, 0]]);
  const ofResource = new Map<string | null, number>([[null, 0]]);
  const ofBoth: [principal: string, resource: string, cost: number][] = [];
  let ofAny = 0;
  for (const { principal, resource, cost } of slices.costs()) {
    const most = costOf(cost);
    // A head may name what is neither a principal nor a resource of any request.
    if (principal !== null && principalOf(principal) === null) continue;
    if (resource !== null && resourceOf(resource) === null) continue;
    if (principal !== null && resource !== null) ofBoth.push([principal, resource, most]);
    else if (principal !== null) ofPrincipal.set(principal, most);
    else if (resource !== null) ofResource.set(resource, most);
    else ofAny = most;
  }
  let best = { principal: largest(ofPrincipal), resource: largest(ofResource), cost: 0 };
  best.cost = (ofPrincipal.get(best.principal) ?? 0) + (ofResource.get(best.resource) ?? 0);
  for (const [principal, resource, most] of ofBoth) {
    const cost = most + (ofPrincipal.get(principal) ?? 0) + (ofResource.get(resource) ?? 0);
    if (cost > best.cost) best = { principal, resource, cost };
  }
  return {
    parties: {
      principal: principalOf(best.principal) ?? { type: 'Application', id: '' },
      resource: resourceOf(best.resource) ?? '',
    },
    cost: best.cost + ofAny,
  };
}

function largest(costs: ReadonlyMap<string | null, number>): string | null {
  return [...costs].reduce((one, other) => (other[1] > one[1] ? other : one))[0];
}

/** The principal of a key; `null` for what is none. */
function principalOf(key: string | null): Parties['principal'] | null {
  const uid = key === null ? null : entityOf(key);
  return uid?.type === 'Application' || uid?.type === 'User'
    ? { type: uid.type, id: uid.id }
    : null;
}

/** The identifier of the resource of a key; `null` for what is none. */
function resourceOf(key: string | null): string | null {
  const uid = key === null ? null : entityOf(key);
  return uid?.type === 'Resource' ? uid.id : null;
}
